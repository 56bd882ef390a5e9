import { buildVoidOperation } from '../../plc/build.ts'
import { DirectoryError } from '../../plc/directory.ts'
import { PlcError } from '../../plc/errors.ts'
import type { PlcHead } from '../../plc/types.ts'
import { XrpcError } from '../../xrpc/errors.ts'
import { docsLink } from '../../docsLink.ts'
import type { PlcDeps } from './plcDeps.ts'
import { type PlcLedgerEntry, storedOperation, voidId } from './plcLedger.ts'
import { plcRequestError } from './plcRequestError.ts'
import { isPlc } from './requirePlc.ts'
import { signEntry, storeEntry } from './signEntry.ts'

/** Runs a request to the directory; its failure is the error that voidPlcOperation declares. */
const askDirectory = async <T>(request: () => Promise<T>): Promise<T> => {
  try {
    return await request()
  } catch (cause) {
    if (!(cause instanceof DirectoryError)) throw cause
    throw new XrpcError(
      'DirectoryUnavailable',
      `${cause.message}. Look at \`pds status\`, and try again. ${docsLink('directory-unavailable')}`,
    )
  }
}

/** The voiding operation, stored in the ledger before it is sent: one that was signed earlier is sent again. */
const voidEntry = async (deps: PlcDeps, head: PlcHead): Promise<PlcLedgerEntry> => {
  const { plcLedger, sql, rotationKey } = deps
  const jti = voidId(head.cid)
  const before = plcLedger.find(jti)
  if (before) return before
  try {
    const operation = buildVoidOperation(head, rotationKey.did)
    const entry = await signEntry(deps, { jti, request: 'void' }, operation)
    return sql.transaction(() => {
      const meanwhile = plcLedger.find(jti)
      if (meanwhile) return meanwhile
      storeEntry(deps, entry, head, operation)
      return entry
    })
  } catch (cause) {
    if (cause instanceof PlcError && cause.code === 'KeyNotCurrent')
      throw new XrpcError('KeyNotAuthorized', `${cause.message}. ${docsLink('rotation-key')}`)
    throw plcRequestError(cause)
  }
}

/**
 * Makes every unsubmitted operation on the present head worthless: one that changes nothing takes their place in the
 * directory.
 */
export const voidUnsubmitted = async (deps: PlcDeps): Promise<{ head: string; voided: string[] }> => {
  const { did, directory, plcLedger, sql, identityWatch, journal } = deps
  if (!isPlc(did)) throw new XrpcError('NothingToVoid', `${did} is not a did:plc: nothing was signed for it`)
  const { head } = await askDirectory(() => identityWatch.observe())
  if (!head || plcLedger.unsubmittedOn(head.cid).length === 0)
    throw new XrpcError(
      'NothingToVoid',
      'no operation that was signed here waits on the present head; nothing to do',
    )
  const entry = await voidEntry(deps, head)
  sql.assertGuard()
  await askDirectory(() => directory.submit(did, storedOperation(entry)))
  // Read only now: an operation that was signed in the meantime follows the same head, and is void too.
  const voided = plcLedger.unsubmittedOn(head.cid).map(({ cid }) => cid)
  // The directory has taken it: see submit.ts.
  sql.unguarded(() => sql.transaction(() => journal.append('void', { head: entry.cid, voided })))
  await identityWatch.observe().catch(() => undefined)
  return { head: entry.cid, voided }
}
