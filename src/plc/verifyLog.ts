import { fromBase64url } from '../crypto/base64url.ts'
import { readPublicKey, verifyWith } from '../crypto/publicKey.ts'
import { didForGenesis, operationBytes, operationCid } from './cid.ts'
import { PlcError } from './errors.ts'
import type { AuditEntry, LoggedOperation, PlcData, VerifiedLog } from './types.ts'

/** How long a key above the one that signed an operation can nullify it. */
export const RECOVERY_WINDOW_MS = 72 * 60 * 60 * 1000

/** The data that an operation sets; null for a tombstone. The legacy form is read as the directory reads it. */
export const operationData = (op: LoggedOperation): PlcData | null => {
  switch (op.type) {
    case 'plc_tombstone':
      return null
    case 'create':
      return {
        rotationKeys: [op.recoveryKey, op.signingKey],
        verificationMethods: { atproto: op.signingKey },
        alsoKnownAs: [
          op.handle.startsWith('at://') ? op.handle : `at://${op.handle.replace(/https?:\/\//, '')}`,
        ],
        services: {
          atproto_pds: {
            type: 'AtprotoPersonalDataServer',
            endpoint: /^https?:\/\//.test(op.service) ? op.service : `https://${op.service}`,
          },
        },
      }
    case 'plc_operation':
      return {
        rotationKeys: op.rotationKeys,
        verificationMethods: op.verificationMethods,
        alsoKnownAs: op.alsoKnownAs,
        services: op.services,
      }
  }
}

/** How many more signatures may be tried. */
interface SignatureBudget {
  left: number
}

/** The index of the key that signed; -1 for none. A key has authority over those after it. */
const signerIndex = async (
  raw: Record<string, unknown>,
  keys: string[],
  budget: SignatureBudget,
): Promise<number> => {
  const { sig, ...rest } = raw
  // The directory has accepted padded signatures too, and one that it accepted must not lock the owner out here.
  const bytes = typeof sig === 'string' ? fromBase64url(sig.replace(/=+$/, '')) : undefined
  if (!bytes) return -1
  const signed = operationBytes(rest)
  for (const [i, text] of keys.entries()) {
    const key = keys.indexOf(text) < i ? undefined : readPublicKey(text)
    if (!key) continue
    if (budget.left-- <= 0) throw new PlcError('InvalidLog', 'the log contains more keys than can be tried')
    if (await verifyWith(key, signed, bytes)) return i
  }
  return -1
}

/** A valid operation, in the chain from the genesis to the head. */
interface ChainLink {
  entry: AuditEntry
  cid: string
  data: PlcData | null
  /** The index of the key that signed, among the rotation keys of the operation before. */
  signer: number
}

/**
 * Verifies a whole audit log from the genesis on: the DID, every hash, that every operation is signed by a key that
 * was allowed to sign it, and the rules of nullification. The only thing taken from the directory on trust is when it
 * saw each operation.
 */
export const verifyLog = async (did: string, entries: AuditEntry[]): Promise<VerifiedLog> => {
  const nullified = new Set<string>()
  const chain: ChainLink[] = []
  const signers = new Map<string, string>()
  let latest = -Infinity
  // The directory accepts ten keys. A log with hundreds in each operation would take minutes to compute.
  const budget: SignatureBudget = { left: 6 + 10 * entries.length }

  for (const [i, entry] of entries.entries()) {
    const bad = (why: string) => new PlcError('InvalidLog', `operation ${i} of ${did}: ${why}`, `log[${i}]`)
    const { operation } = entry
    const cid = await operationCid(entry.raw)
    if (entry.did !== did) throw bad(`it belongs to ${entry.did}`)
    if (entry.cid !== cid) throw bad(`its hash is ${cid}, the directory says ${entry.cid}`)
    if (entry.createdAt < latest) throw bad('it is older than the one before it')
    latest = entry.createdAt
    const data = operationData(operation)

    if (i === 0) {
      if (!data || operation.prev !== null) throw bad('the log does not start with a genesis operation')
      if ((await didForGenesis(entry.raw)) !== did) throw bad('the DID is not made from it')
      const signer = await signerIndex(entry.raw, data.rotationKeys, budget)
      if (signer < 0) throw bad('it is not signed by one of its own rotation keys')
      signers.set(cid, data.rotationKeys[signer] ?? '')
      chain.push({ entry, cid, data, signer })
      continue
    }

    const prevIndex = chain.findIndex((link) => link.cid === operation.prev)
    const prev = chain[prevIndex]
    if (!prev) throw bad('its prev is not a valid operation')
    if (!prev.data) throw bad('it follows a tombstone')
    const disputed = chain[prevIndex + 1]
    const keys = disputed ? prev.data.rotationKeys.slice(0, disputed.signer) : prev.data.rotationKeys
    const signer = await signerIndex(entry.raw, keys, budget)
    if (signer < 0)
      throw bad(
        disputed
          ? 'it nullifies others without being signed by a rotation key above theirs'
          : 'it is not signed by a rotation key of the operation before it',
      )
    if (disputed && entry.createdAt - disputed.entry.createdAt > RECOVERY_WINDOW_MS)
      throw bad('it nullifies an operation more than 72 hours old')
    signers.set(cid, keys[signer] ?? '')
    for (const link of chain.splice(prevIndex + 1)) nullified.add(link.cid)
    chain.push({ entry, cid, data, signer })
  }

  const wrong = entries.findIndex((entry) => entry.nullified !== nullified.has(entry.cid))
  if (wrong >= 0)
    throw new PlcError(
      'InvalidLog',
      `operation ${wrong} of ${did} is wrongly marked as nullified or as valid`,
    )
  const last = chain.at(-1)
  if (!last) throw new PlcError('InvalidLog', `the log of ${did} is empty`)
  return {
    did,
    entries,
    signers,
    head: { did, cid: last.cid, data: last.data, createdAt: last.entry.createdAt },
  }
}
