import { digestOf } from '../client/cid.ts'
import { isObject } from '../isObject.ts'
import type { Output } from '../client/index.ts'
import { isPublicKey } from '../crypto/publicKey.ts'
import { parseJsonObject } from '../parseJsonObject.ts'
import { parseAuditLog } from '../plc/parse.ts'
import { auditLogJson } from '../plc/auditLogJson.ts'
import { PlcError } from '../plc/errors.ts'
import type { AuditEntry, VerifiedLog } from '../plc/types.ts'
import { verifyLog } from '../plc/verifyLog.ts'
import { ArchiveError } from './archiveError.ts'

export type Preferences = Output<'app.bsky.actor.getPreferences'>['preferences']

/** A line of blobs.jsonl. */
export interface BlobEntry {
  cid: string
  /** In bytes. */
  size: number
  mimeType: string
}

/** Parses JSON; `file` names it in the error. */
export const parseJson = (text: string, file: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    throw new ArchiveError('BadFile', `${file} is not JSON: it was damaged`)
  }
}

/** The type is sent as a header: only printable ASCII. */
export const isMimeType = (value: unknown): value is string =>
  typeof value === 'string' && /^[\x20-\x7e]{1,255}$/.test(value)

/** What becomes a file's name must be a CID: then it does not lead out of the folder. */
export const isBlobCid = (value: unknown): value is string => {
  try {
    return typeof value === 'string' && digestOf(value).length > 0
  } catch {
    return false
  }
}

/** Blobs by CID. A line that is not one of a blob is left out: the blob is restored without its type. */
export const parseBlobList = (text: string): Map<string, BlobEntry> => {
  const entries = new Map<string, BlobEntry>()
  for (const line of text.split('\n')) {
    const { cid, size, mimeType } = parseJsonObject(line)
    if (isBlobCid(cid) && isMimeType(mimeType))
      entries.set(cid, { cid, size: typeof size === 'number' ? size : -1, mimeType })
  }
  return entries
}

const isPreferences = (value: unknown): value is Preferences =>
  Array.isArray(value) && value.every((entry) => isObject(entry) && typeof entry['$type'] === 'string')

export const parsePreferences = (text: string, file: string): Preferences => {
  const found = parseJson(text, file)
  const preferences = isObject(found) ? found['preferences'] : undefined
  if (!isPreferences(preferences))
    throw new ArchiveError('BadFile', `${file} is not what \`pds backup\` writes`)
  return preferences
}

/** The log as the directory's `/log/audit` has it: nullified operations too. */
export const formatLog = (did: string, entries: AuditEntry[]): string =>
  `${JSON.stringify(auditLogJson({ did, entries }), null, 2)}\n`

/** Verifies the log from its genesis, whose hash is the DID. */
export const parseLog = async (did: string, text: string, file: string): Promise<VerifiedLog> => {
  const value = parseJson(text, file)
  try {
    return await verifyLog(did, parseAuditLog(value))
  } catch (cause) {
    if (!(cause instanceof PlcError)) throw cause
    throw new ArchiveError('BadFile', `${file} does not verify: ${cause.message}`)
  }
}

/** The signing keys that the DID ever named, as did:key. */
export const signingKeysOf = ({ entries }: VerifiedLog): string[] => {
  const keys = entries.flatMap(({ operation }) => {
    if (operation.type === 'create') return [operation.signingKey]
    const key = operation.type === 'plc_operation' ? operation.verificationMethods['atproto'] : undefined
    return key === undefined ? [] : [key]
  })
  // The directory takes keys of any kind; these could not have signed.
  return [...new Set(keys)].filter(isPublicKey)
}
