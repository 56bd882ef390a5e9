import type { Handler } from '../context.ts'

export const getManifest: Handler<'com.cirrus.admin.getManifest'> = async ({ account }) => ({
  manifest: await account.manifest(),
})
