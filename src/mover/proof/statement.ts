import { createHash } from 'node:crypto'
import { canonicalJson } from '../../canonicalJson.ts'
import { isObject, type JsonObject } from '../../isObject.ts'
import type { Check } from '../check.ts'

export const STATEMENT_KIND = 'cirrus-statement-of-completeness'

/** The repository on one side of a move, as its own signed commit says. */
export interface StatedRepo {
  origin: string
  cid: string
  rev: string
  /** CID of the tree's root. Equal roots are equal trees, down to the last record. */
  data: string
  /** The commit itself, signed by the account's key on that side: DAG-CBOR, base64url. */
  commit: string
  records: number
}

/** The records on the target, compared with those of the source. */
export interface StatedRecords {
  same: number
  /** Only on the target: written there since. */
  added: number
  /** On both sides, and different. */
  changed: number
  /** `collection/rkey` of the records that only the source has, at most `MAX_LISTED`. */
  gone: string[]
  goneCount: number
}

/** The blobs that the records on the target refer to. */
export interface StatedBlobs {
  referenced: number
  present: number
  /** How many were fetched, and their bytes hashed. */
  hashed: number
  /** CIDs of those that are missing or have other bytes, at most `MAX_LISTED`. */
  missing: string[]
  missingCount: number
}

/**
 * What `pds verify` found, with what is needed to check it again without any server: the signed commits of both sides
 * and the DID's log.
 */
export interface Statement {
  kind: typeof STATEMENT_KIND
  version: 1
  did: string
  /** When it was found, in ISO 8601. */
  at: string
  /** No check has failed. */
  complete: boolean
  checks: Check[]
  /** Undefined if the source could not be read any more. */
  source?: StatedRepo | undefined
  target: StatedRepo
  records?: StatedRecords | undefined
  blobs: StatedBlobs
  /** The answer of the directory's `/log/audit`. Undefined for a did:web, which has no log. */
  plcLog?: unknown[] | undefined
}

/** A statement as it is kept in a file. */
export interface SignedStatement {
  statement: Statement
  /** A compact JWS by the source's key over the statement's hash, where the source is a Cirrus. */
  signature?: string | undefined
}

/** How many names a statement lists. The counts beside them are of all. */
export const MAX_LISTED = 1000

/** Sha-256 of the statement's canonical JSON, in hex. What the source signs. */
export const statementDigest = (statement: Statement): string =>
  createHash('sha256')
    .update(canonicalJson(JSON.parse(JSON.stringify(statement))))
    .digest('hex')

/** Why a file is not a statement. */
export class StatementError extends Error {
  override readonly name = 'StatementError'
}

const bad = (what: string): never => {
  throw new StatementError(`this is not a statement of completeness: ${what}`)
}
const text = (value: JsonObject, name: string): string => {
  const found = value[name]
  return typeof found === 'string' ? found : bad(`${name} must be a string`)
}
const number = (value: JsonObject, name: string): number => {
  const found = value[name]
  return typeof found === 'number' && Number.isSafeInteger(found) && found >= 0
    ? found
    : bad(`${name} must be a whole number`)
}
const texts = (value: JsonObject, name: string): string[] => {
  const found = value[name]
  return Array.isArray(found) && found.every((item) => typeof item === 'string')
    ? found
    : bad(`${name} must be a list of strings`)
}
const object = (value: JsonObject, name: string): JsonObject => {
  const found = value[name]
  return isObject(found) ? found : bad(`${name} must be an object`)
}

const parseRepo = (value: JsonObject): StatedRepo => ({
  origin: text(value, 'origin'),
  cid: text(value, 'cid'),
  rev: text(value, 'rev'),
  data: text(value, 'data'),
  commit: text(value, 'commit'),
  records: number(value, 'records'),
})

const parseCheck = (value: unknown): Check => {
  if (!isObject(value)) return bad('checks must be objects')
  const level = text(value, 'level')
  if (level !== 'pass' && level !== 'warn' && level !== 'fail')
    return bad(`the level ${JSON.stringify(level.slice(0, 20))} is not pass, warn or fail`)
  return {
    id: text(value, 'id'),
    level,
    seen: text(value, 'seen'),
    ...(value['mend'] === undefined ? {} : { mend: text(value, 'mend') }),
  }
}

/** Reads what `pds verify` has written. Unknown members are kept: the signature covers them too. */
export function parseStatement(json: unknown): SignedStatement {
  if (!isObject(json) || !isObject(json['statement'])) return bad('it must be an object with a statement')
  const found = json['statement']
  if (found['kind'] !== STATEMENT_KIND || found['version'] !== 1)
    return bad(`kind must be ${STATEMENT_KIND}, and version 1`)
  const { complete, checks, plcLog } = found
  if (typeof complete !== 'boolean') return bad('complete must be true or false')
  if (!Array.isArray(checks)) return bad('checks must be a list')
  if (plcLog !== undefined && !Array.isArray(plcLog)) return bad('plcLog must be a list')
  const blobs = object(found, 'blobs')
  const records = found['records'] === undefined ? undefined : object(found, 'records')
  const statement: Statement = {
    ...found,
    kind: STATEMENT_KIND,
    version: 1,
    did: text(found, 'did'),
    at: text(found, 'at'),
    complete,
    checks: checks.map(parseCheck),
    ...(found['source'] === undefined ? {} : { source: parseRepo(object(found, 'source')) }),
    target: parseRepo(object(found, 'target')),
    ...(records === undefined
      ? {}
      : {
          records: {
            same: number(records, 'same'),
            added: number(records, 'added'),
            changed: number(records, 'changed'),
            gone: texts(records, 'gone'),
            goneCount: number(records, 'goneCount'),
          },
        }),
    blobs: {
      referenced: number(blobs, 'referenced'),
      present: number(blobs, 'present'),
      hashed: number(blobs, 'hashed'),
      missing: texts(blobs, 'missing'),
      missingCount: number(blobs, 'missingCount'),
    },
    ...(plcLog === undefined ? {} : { plcLog }),
  }
  const signature = json['signature'] === undefined ? undefined : text(json, 'signature')
  return { statement, signature }
}
