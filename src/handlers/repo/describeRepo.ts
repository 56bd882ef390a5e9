import { isOwn, notHere } from '../../account/own.ts'
import type { Handler } from '../context.ts'

export const describeRepo: Handler<'com.atproto.repo.describeRepo'> = async ({ account, params }) => {
  if (!isOwn(account, params.repo)) throw notHere(params.repo)
  const { didDoc, handleIsCorrect } = await account.describeIdentity()
  return {
    handle: account.handle,
    did: account.did,
    didDoc,
    collections: account.records.collections(),
    handleIsCorrect,
  }
}
