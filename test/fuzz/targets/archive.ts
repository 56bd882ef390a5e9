import { resolve, sep } from 'node:path'
import { Secp256k1Keypair } from '@atproto/crypto'
import {
  ARCHIVE_FORMAT,
  ARCHIVE_VERSION,
  type ArchiveIndex,
  formatIndex,
  parseIndex,
} from '../../../src/archive/archiveIndex.ts'
import { ArchiveError } from '../../../src/archive/archiveError.ts'
import { decryptSecrets } from '../../../src/archive/archivedSecrets.ts'
import { parseBlobList, parseLog, parsePreferences, signingKeysOf } from '../../../src/archive/stateFiles.ts'
import { backupPrefix, parseBucketBackup } from '../../../src/bucketBackup.ts'
import { parseBackedUpBlob } from '../../../src/cli/backup/bucket/backedUpBlob.ts'
import { TokenError } from '../../../src/crypto/errors.ts'
import { isPublicKey } from '../../../src/crypto/publicKey.ts'
import { Secret } from '../../../src/crypto/secret.ts'
import { createGenesis } from '../../../src/plc/build.ts'
import { operationCid } from '../../../src/plc/cid.ts'
import { MANIFEST_TYP, verifyManifest } from '../../../src/signing/manifest.ts'
import { testSecret } from '../../crypto/support.ts'
import { rotationKey } from '../../plc/support.ts'
import { mutateBytes } from '../bytes.ts'
import type { Target } from '../engine.ts'
import { type Json, jsonText, mutateJson } from '../json.ts'
import type { Random } from '../random.ts'

const FILES = [
  'archive.json',
  'bucket.json',
  'blobs.jsonl',
  'bucket-blobs.jsonl',
  'preferences.json',
  'plc-log.json',
  'manifest.jws',
  'keys.age',
] as const
type FileName = (typeof FILES)[number]

/** A file of a backup: its bytes in base64, as they need not be text. */
export interface BackupFile {
  name: FileName
  bytes: string
}

const signer = await Secp256k1Keypair.import(testSecret('fuzz archive').reveal())
const ours = await rotationKey('ours')
const { did: DID, operation } = await createGenesis(ours, {
  recoveryKeys: [],
  signingKey: signer.did(),
  handle: 'alice.example',
  endpoint: 'https://cirrus.example',
})
const CID = 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'
const COMMIT = CID.replace('bafk', 'bafy')
const SHA256 = '0123456789abcdef'.repeat(4)
const PASSPHRASE = new Secret('a passphrase of the test')

const about = {
  did: DID,
  handle: 'alice.example',
  pds: 'https://cirrus.example',
  createdAt: '2026-11-30T01:02:03.000Z',
  rev: '3mzzzzzzzzz22',
  commit: COMMIT,
  data: COMMIT,
  records: 3,
  signingKey: signer.did(),
}
const STATE = 'state-20261130T010203Z-00112233'
const index: Json = {
  ...{ what: 'An archive.', format: ARCHIVE_FORMAT, version: ARCHIVE_VERSION, ...about, state: STATE },
  blobs: { count: 1, bytes: 10, lost: [CID] },
  keys: { signingKey: signer.did(), fingerprint: SHA256 },
  files: [
    { path: `${STATE}/repo.car`, size: 100, sha256: SHA256 },
    { path: `blobs/${CID}`, size: 10, sha256: SHA256 },
  ],
}
const object = (name: string): Json => ({ key: `${backupPrefix(DID)}${name}`, size: 100, sha256: SHA256 })
const bucket: Json = {
  ...{ format: 'cirrus-bucket-backup', version: 1, ...about, blobs: { count: 1, bytes: 10 } },
  objects: {
    repo: object(`repo/${COMMIT}.car`),
    blobs: object('20261130T010203Z/blobs.jsonl'),
    preferences: object('20261130T010203Z/preferences.json'),
    manifest: object('20261130T010203Z/manifest.jws'),
    plcLog: object('20261130T010203Z/plc-log.json'),
  },
}
const blob: Json = { cid: CID, size: 10, mimeType: 'image/png', key: `${DID}/0123456789abcdef` }
const log: Json = [
  {
    did: DID,
    operation: { ...operation },
    cid: await operationCid(operation),
    nullified: false,
    createdAt: '2026-01-01T00:00:00.000Z',
  },
]
const claims: Json = {
  ...{ iss: DID, iat: 1_795_000_000, rev: about.rev, commit: COMMIT, data: COMMIT },
  collections: { 'app.bsky.feed.post': 3 },
  blobs: { count: 1, bytes: 10 },
}

/** A key file as `pds init` writes it, encrypted with as little work as the format of age knows. */
const encrypted = Buffer.from(
  [
    'YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IHNjcnlwdCBRa2R1K0pVVVUwekh6MTNqcS9EdzBBIDEKNTJoVUtXVGhBdG01Y3hF',
    'YngwUnpvN3ZXeDBuMUlxOXNIMW5FMzkvOGlabwotLS0gaWFDMnB1Qng1SVB3anNjNC9SV0FldGY5aHZlMFhrbWN3anRZWHRr',
    'cGdzZwp2RSwdZKIqHRUHzPYxqDp7FmcWu2L5tVN2D08BhvdrvoM+BBw5glSA5lGDljMaRkTwa2RvB1uLZG9FXfnNPwF1j0bb',
    'fPghZfgeDuL/MiqRSu8d746+5LFME208uytUS82e4c0pRvAp+hV6m+hvPuASOzjI0gytURCyjyZ3gdI=',
  ].join(''),
  'base64',
)

const signed = async (payload: Json): Promise<string> => {
  const text = [{ alg: 'ES256K', typ: MANIFEST_TYP }, payload]
    .map((part) => Buffer.from(jsonText(part)).toString('base64url'))
    .join('.')
  return `${text}.${Buffer.from(await signer.sign(Buffer.from(text))).toString('base64url')}`
}

/** Lines of JSON, some of them not. */
const lines = (random: Random): string =>
  Array.from({ length: random.small(50) }, () =>
    random.chance(0.05) ? random.text(random.small(30)) : jsonText(change(blob, random)),
  ).join('\n')

const change = (value: Json, random: Random): Json =>
  random.chance(0.85) ? mutateJson(value, random) : value

const make: Record<FileName, (random: Random) => string | Uint8Array | Promise<string>> = {
  'archive.json': (random) => jsonText(change(index, random)),
  'bucket.json': (random) => jsonText(change(bucket, random)),
  'blobs.jsonl': lines,
  'bucket-blobs.jsonl': lines,
  'preferences.json': (random) =>
    jsonText(change({ preferences: [{ $type: 'app.bsky.actor.defs#adultContentPref' }] }, random)),
  'plc-log.json': (random) => jsonText(change(log, random)),
  'manifest.jws': (random) => signed(change(claims, random)),
  'keys.age': () => encrypted,
}

const bytesOf = ({ bytes }: BackupFile): Uint8Array => new Uint8Array(Buffer.from(bytes, 'base64'))
const textOf = (file: BackupFile): string => Buffer.from(bytesOf(file)).toString('utf8')

const orWrong = <T>(value: T | undefined): T => {
  if (value === undefined) throw new ArchiveError('BadFile', 'it is not what the program writes')
  return value
}

const read: Record<FileName, (file: BackupFile) => unknown> = {
  'archive.json': (file) => parseIndex(textOf(file), file.name),
  'bucket.json': (file) => orWrong(parseBucketBackup(DID, textOf(file))),
  'blobs.jsonl': (file) => parseBlobList(textOf(file)),
  'bucket-blobs.jsonl': (file) => textOf(file).split('\n').map(parseBackedUpBlob),
  'preferences.json': (file) => parsePreferences(textOf(file), file.name),
  'plc-log.json': async (file) => signingKeysOf(await parseLog(DID, textOf(file), file.name)),
  'manifest.jws': (file) => verifyManifest(textOf(file), { publicDidKey: signer.did(), issuer: DID }),
  'keys.age': (file) => decryptSecrets(bytesOf(file), PASSPHRASE, file.name),
}

const insist = (holds: boolean, what: string): void => {
  if (!holds) throw new Error(what)
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0

const checkIndex = (found: ArchiveIndex): void => {
  const folder = resolve('/a/backup')
  for (const { path, size } of found.files) {
    insist(resolve(folder, path).startsWith(folder + sep), `${path} leads out of the folder`)
    insist(isCount(size), `a size of ${size}`)
  }
  insist(resolve(folder, found.state, '..') === folder, `the state ${found.state} is not a folder in it`)
  const again = parseIndex(formatIndex(found), 'again')
  insist(JSON.stringify(again.files) === JSON.stringify(found.files), 'written again it is another index')
}

const check: { [Name in FileName]?: (found: never) => void } = {
  'archive.json': checkIndex,
  'bucket.json': (found: NonNullable<ReturnType<typeof parseBucketBackup>>) => {
    const { repo, blobs, preferences, manifest, plcLog } = found.objects
    for (const { key, size } of [repo, blobs, preferences, manifest, ...(plcLog ? [plcLog] : [])]) {
      const { pathname } = new URL(`https://s3.example/bucket/${key}`)
      insist(pathname.startsWith(`/bucket/${backupPrefix(DID)}`), `${key} leads out of the backup`)
      insist(isCount(size), `a size of ${size}`)
    }
    insist(new Date(found.createdAt).toISOString().length === 24, `made at ${found.createdAt}`)
    insist(isPublicKey(found.signingKey), `the key ${found.signingKey}`)
  },
  'blobs.jsonl': (found: ReturnType<typeof parseBlobList>) => {
    for (const { cid, mimeType } of found.values()) {
      insist(/^[\w]+$/.test(cid), `${cid} would be a file’s name`)
      insist(new Headers({ 'content-type': mimeType }).has('content-type'), `the type ${mimeType}`)
    }
  },
  'bucket-blobs.jsonl': (found: ReturnType<typeof parseBackedUpBlob>[]) => {
    for (const each of found) insist(!each || (isCount(each.size) && /^[\w]+$/.test(each.cid)), 'a blob')
  },
  'plc-log.json': (found: string[]) => insist(found.every(isPublicKey), 'a key that cannot have signed'),
  'manifest.jws': ({ collections, blobs, iss }: Awaited<ReturnType<typeof verifyManifest>>) => {
    insist(iss === DID, `the manifest of ${iss}`)
    insist([...Object.values(collections), blobs.count, blobs.bytes].every(Number.isSafeInteger), 'a count')
  },
}

const fileOf = (name: FileName, content: string | Uint8Array): BackupFile => ({
  name,
  bytes: Buffer.from(content).toString('base64'),
})

/** How much work a file of age asks for: the library decides how much is too much. */
const workOf = (file: BackupFile): number =>
  file.name === 'keys.age' ? Number(/^-> scrypt \S+ (\d{1,3})$/m.exec(textOf(file))?.[1] ?? 0) : 0

/** The files that a backup consists of, in a folder or in a bucket. */
export const archive: Target<BackupFile> = {
  name: 'archive',
  typed: [ArchiveError, TokenError],
  // Each step doubles the work of scrypt, and its memory of a kilobyte.
  allow: (file) => {
    const work = 2 ** Math.min(workOf(file), 20)
    return { ms: work / 20, bytes: work * 1024 * 2 }
  },
  generate: async (random) => {
    const name = random.pick(FILES)
    const bytes = Buffer.from(await make[name](random))
    return fileOf(name, random.chance(name === 'keys.age' ? 0.9 : 0.1) ? mutateBytes(bytes, random) : bytes)
  },
  mutate: (file, random, others) =>
    fileOf(file.name, mutateBytes(bytesOf(file), random, [bytesOf(random.pick(others))])),
  run: (file) => read[file.name](file),
  check: (file, found) => check[file.name]?.(found as never),
  show: (file) =>
    file.name === 'keys.age' ? JSON.stringify(file) : JSON.stringify({ name: file.name, text: textOf(file) }),
  parse: (shown) => {
    const { name, text, bytes } = JSON.parse(shown) as { name: FileName; text?: string; bytes?: string }
    return text === undefined ? { name, bytes: bytes ?? '' } : fileOf(name, text)
  },
}
