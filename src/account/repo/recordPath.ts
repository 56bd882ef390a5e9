import { isValidNsid, isValidRecordKey } from '@atproto/syntax'
import { error } from '../../xrpc/errors.ts'

const MAX_PATH_LENGTH = 1024

/** `collection/rkey`; throws `InvalidRequest` where one of them does not have the form that the specification requires. */
export const recordPath = (collection: string, rkey: string): string => {
  if (!isValidNsid(collection))
    throw error('InvalidRequest', `not a collection: ${JSON.stringify(collection)}`)
  if (!isValidRecordKey(rkey)) throw error('InvalidRequest', `not a record key: ${JSON.stringify(rkey)}`)
  const path = `${collection}/${rkey}`
  if (path.length > MAX_PATH_LENGTH)
    throw error('InvalidRequest', `a record path of more than ${MAX_PATH_LENGTH} characters`)
  return path
}

/** The two halves of the path of a stored record. */
export const splitPath = (path: string): { collection: string; rkey: string } => {
  const slash = path.indexOf('/')
  return { collection: path.slice(0, slash), rkey: path.slice(slash + 1) }
}
