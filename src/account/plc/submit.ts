/** Submitting an operation that leads here: looked at before the directory sees it. */
import { PDS_ID, PDS_TYPE } from '../../plc/build.ts'
import { operationCid } from '../../plc/cid.ts'
import { parseOperation } from '../../plc/parse.ts'
import type { Operation } from '../../plc/types.ts'
import { error } from '../../xrpc/errors.ts'
import { docsLink } from '../../docsLink.ts'
import { lookUp, plcRefused, upstream } from '../identity/upstream.ts'
import { type PlcDeps, requirePlc } from './deps.ts'

/** The reference's checks, in words that say what to change. */
const checked = ({ key, origin, signingKey, handle }: PlcDeps, input: unknown): Operation => {
  const wrong = (what: string) =>
    error(
      'InvalidRequest',
      `the operation would lead to a DID that does not work here: ${what}. See getRecommendedDidCredentials`,
    )
  try {
    const operation = parseOperation(input)
    const { rotationKeys, services, verificationMethods, alsoKnownAs } = operation
    const pds = services[PDS_ID]
    if (!rotationKeys.includes(key.did)) throw wrong(`rotationKeys lacks this server's key ${key.did}`)
    if (pds?.type !== PDS_TYPE) throw wrong(`services.${PDS_ID}.type must be ${PDS_TYPE}`)
    if (pds.endpoint.replace(/\/$/, '') !== origin)
      throw wrong(`services.${PDS_ID}.endpoint must be ${origin}`)
    if (verificationMethods.atproto !== signingKey)
      throw wrong(`verificationMethods.atproto must be ${signingKey}`)
    if (alsoKnownAs[0]?.toLowerCase() !== `at://${handle}`)
      throw wrong(`alsoKnownAs must begin with at://${handle}`)
    return operation
  } catch (cause) {
    throw plcRefused(cause)
  }
}

/** Checks the operation, has the directory take it, and announces it. */
export const submit = async (deps: PlcDeps, input: unknown): Promise<void> => {
  const { did, directory, sequencer, journal, handle, signingKey, watch } = deps
  requirePlc(did, 'submitPlcOperation')
  const operation = checked(deps, input)
  const { head } = await lookUp(watch)
  const cid = await operationCid(operation)
  if (head && head.cid !== cid && head.cid !== operation.prev)
    throw error(
      'InvalidRequest',
      `the operation follows ${operation.prev}, but the newest one of ${did} is ${head.cid}: have a new one signed. ${docsLink('token-head-moved')}`,
    )
  try {
    await directory.submit(did, operation)
  } catch (cause) {
    throw upstream(cause)
  }
  sequencer.transaction(() => {
    sequencer.identity(handle)
    watch.announced(handle, signingKey)
    journal.append('submit', { cid, prev: operation.prev })
  })
  await watch.observe().catch(() => undefined)
}
