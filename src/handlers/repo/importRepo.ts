import type { Handler } from '../context.ts'

export const importRepo: Handler<'com.atproto.repo.importRepo'> = async ({ account, input }) => {
  await account.importCar(input.body)
}
