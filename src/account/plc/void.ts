/** Making worthless what was signed here and never submitted. */
import { buildVoidOperation } from '../../plc/build.ts'
import { DirectoryError } from '../../plc/directory.ts'
import { PlcError } from '../../plc/errors.ts'
import type { PlcHead } from '../../plc/types.ts'
import { XrpcError } from '../../xrpc/errors.ts'
import { docsLink } from '../../docsLink.ts'
import { type LedgerEntry, storedOperation, voidId } from './plcLedger.ts'
import { plcRefused } from '../identity/upstream.ts'
import { isPlc, type PlcDeps } from './deps.ts'
import { keepEntry, signEntry } from './signEntry.ts'

const directoryWork = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (cause) {
    if (!(cause instanceof DirectoryError)) throw cause
    throw new XrpcError(
      'DirectoryUnavailable',
      `${cause.message}. Look at \`pds status\`, and try again. ${docsLink('directory-unavailable')}`,
    )
  }
}

/** The ledger first, here too: what was signed once is sent again. */
const voidEntry = async (deps: PlcDeps, head: PlcHead): Promise<LedgerEntry> => {
  const { ledger, sql, key } = deps
  const jti = voidId(head.cid)
  const known = ledger.find(jti)
  if (known) return known
  try {
    const operation = buildVoidOperation(head, key.did)
    const entry = await signEntry(deps, { jti, request: 'void' }, operation)
    return sql.transaction(() => {
      const meanwhile = ledger.find(jti)
      if (meanwhile) return meanwhile
      keepEntry(deps, entry, head, operation)
      return entry
    })
  } catch (cause) {
    if (cause instanceof PlcError && cause.code === 'KeyNotCurrent')
      throw new XrpcError('KeyNotAuthorized', `${cause.message}. ${docsLink('rotation-key')}`)
    throw plcRefused(cause)
  }
}

/** Puts an operation that changes nothing in the place of those that wait on the present head. */
export const voidWaiting = async (deps: PlcDeps): Promise<{ head: string; voided: string[] }> => {
  const { did, directory, ledger, sql, watch, journal } = deps
  if (!isPlc(did)) throw new XrpcError('NothingToVoid', `${did} is no did:plc: nothing was signed for it`)
  const { head } = await directoryWork(() => watch.observe())
  if (!head || ledger.waitingOn(head.cid).length === 0)
    throw new XrpcError(
      'NothingToVoid',
      'no operation that was signed here waits on the present head; nothing to do',
    )
  const entry = await voidEntry(deps, head)
  await directoryWork(() => directory.submit(did, storedOperation(entry)))
  // Read only now: one that was signed in the meantime follows the same head, and is void too.
  const voided = ledger.waitingOn(head.cid).map(({ cid }) => cid)
  sql.transaction(() => journal.append('void', { head: entry.cid, voided }))
  await watch.observe().catch(() => undefined)
  return { head: entry.cid, voided }
}
