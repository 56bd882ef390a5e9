import { type Cid, parseCidSafe } from '@atproto/lex-data'
import { cidText } from '../../../repo/cid.ts'
import { error } from '../../../xrpc/errors.ts'

/**
 * Parses `swapCommit` or `swapRecord` (`name`): the CID that the client expects to be the present one. Null stays null
 * ("there is nothing"), and undefined stays undefined ("do not compare").
 */
export function parseSwapCid(name: string, text: string | null | undefined): Cid | null | undefined {
  if (text === undefined || text === null) return text
  const cid = parseCidSafe(text)
  if (!cid || cidText(cid.bytes) !== text)
    throw error('InvalidRequest', `${name}: "${text.slice(0, 100)}" is not a CID`)
  return cid
}
