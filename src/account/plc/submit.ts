import { PDS_ID, PDS_TYPE } from '../../plc/build.ts'
import { operationCid } from '../../plc/cid.ts'
import { parseOperation } from '../../plc/parse.ts'
import type { Operation } from '../../plc/types.ts'
import { error } from '../../xrpc/errors.ts'
import { docsLink } from '../../docsLink.ts'
import { upstreamError } from '../identity/upstreamError.ts'
import type { PlcDeps } from './plcDeps.ts'
import { plcRequestError } from './plcRequestError.ts'
import { requirePlc } from './requirePlc.ts'

/** Parses the operation and checks it as the reference PDS does. Each message says what to change. */
const parseAndCheck = ({ rotationKey, origin, signingKey, handle }: PlcDeps, input: unknown): Operation => {
  const wrong = (what: string) =>
    error(
      'InvalidRequest',
      `the operation would lead to a DID that does not work here: ${what}. See getRecommendedDidCredentials`,
    )
  try {
    const operation = parseOperation(input)
    const { rotationKeys, services, verificationMethods, alsoKnownAs } = operation
    const pds = services[PDS_ID]
    if (!rotationKeys.includes(rotationKey.did))
      throw wrong(`rotationKeys lacks this server's key ${rotationKey.did}`)
    if (pds?.type !== PDS_TYPE) throw wrong(`services.${PDS_ID}.type must be ${PDS_TYPE}`)
    if (pds.endpoint.replace(/\/$/, '') !== origin)
      throw wrong(`services.${PDS_ID}.endpoint must be ${origin}`)
    if (verificationMethods.atproto !== signingKey.did)
      throw wrong(`verificationMethods.atproto must be ${signingKey.did}`)
    if (alsoKnownAs[0]?.toLowerCase() !== `at://${handle()}`)
      throw wrong(`alsoKnownAs must begin with at://${handle()}`)
    return operation
  } catch (cause) {
    throw plcRequestError(cause)
  }
}

/** Checks an operation, submits it to the directory, and announces it. */
export const submit = async (deps: PlcDeps, input: unknown): Promise<void> => {
  const { sql, did, directory, sequencer, journal, handle, signingKey, identityWatch } = deps
  requirePlc(did, 'submitPlcOperation')
  const operation = parseAndCheck(deps, input)
  const { head } = await identityWatch.lookUp()
  const cid = await operationCid(operation)
  if (head && head.cid !== cid && head.cid !== operation.prev)
    throw error(
      'InvalidRequest',
      `the operation follows ${operation.prev}, but the newest one of ${did} is ${head.cid}: have a new one signed. ${docsLink('token-head-moved')}`,
    )
  sql.assertGuard()
  try {
    await directory.submit(did, operation)
  } catch (cause) {
    throw upstreamError(cause)
  }
  // The directory has taken it: it is announced and journaled, whatever became of the session meanwhile.
  sql.unguarded(() =>
    sequencer.transaction(() => {
      sequencer.appendIdentity(handle())
      identityWatch.noteAnnounced(handle(), signingKey.did)
      journal.append('submit', { cid, prev: operation.prev })
    }),
  )
  await identityWatch.observe().catch(() => undefined)
}
