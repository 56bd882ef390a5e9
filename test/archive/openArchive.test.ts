import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type ArchiveIndex, formatIndex, parseIndex } from '../../src/archive/archiveIndex.ts'
import { openArchive } from '../../src/archive/openArchive.ts'

const INDEX: ArchiveIndex = {
  did: 'did:plc:ewvi7nxzyoun6zhxrhs64oiz',
  handle: 'alice.example.com',
  pds: 'https://alice.example.com',
  createdAt: '2026-11-30T01:02:03.000Z',
  state: 'state-20261130T010203Z-00112233',
  rev: '3n2vjx2vlms22',
  commit: 'bafyreibfqglqbe4vepmnmtirec324no5axxjttfqyaympwauj5n4cuvffm',
  data: 'bafyreics4vcrrrjdvmx26323vuz4hyhlrjdf3stqag7fbqg2xazkpczm2q',
  records: 1,
  signingKey: 'did:key:zQ3shnFYs7Xgs9uFPHfRNCw4EV53UGutJJg5EDW9hrrzMw46R',
  blobs: { count: 0, bytes: 0, lost: [] },
  files: [{ path: 'state-20261130T010203Z-00112233/repo.car', size: 3, sha256: '0'.repeat(64) }],
}

let folder = ''
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'archive-'))))
afterEach(() => rm(folder, { recursive: true }))

it('an index is read as it was written', () => {
  expect(parseIndex(formatIndex(INDEX), 'archive.json')).toMatchObject(INDEX)
})

it.each([
  ['a path that leads out of the folder', { files: [{ ...INDEX.files[0], path: '../secrets/key' }] }],
  ['an absolute path', { files: [{ ...INDEX.files[0], path: '/etc/passwd' }] }],
  ['a state that is not a folder of a state', { state: '..' }],
  ['a hash that is not one', { files: [{ ...INDEX.files[0], sha256: 'x' }] }],
  ['a negative size', { files: [{ ...INDEX.files[0], size: -1 }] }],
  ['no DID', { did: undefined }],
  ['something other than a DID', { did: 'did:plc' }],
  ['a signing key that is not one', { signingKey: 'did:key:z' }],
  ['counts that are not numbers', { blobs: { count: '1', bytes: 0, lost: [] } }],
])('an index with %s is refused', (_, change) => {
  const text = formatIndex({ ...INDEX, ...change } as unknown as ArchiveIndex)
  expect(() => parseIndex(text, 'archive.json')).toThrow(expect.objectContaining({ code: 'BadFile' }))
})

it('an index of a later version is refused as such', () => {
  const text = formatIndex(INDEX).replace('"version": 1', '"version": 2')
  expect(() => parseIndex(text, 'archive.json')).toThrow(expect.objectContaining({ code: 'UnknownVersion' }))
})

it('an empty folder is not an archive, and a folder that does not exist neither', async () => {
  await expect(openArchive(folder)).rejects.toMatchObject({ code: 'NotAnArchive' })
  await expect(openArchive(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'NotAnArchive' })
})

it('a folder of `pds export` whose repository is not one is refused', async () => {
  await writeFile(join(folder, 'repo.car'), 'not a CAR')
  await expect(openArchive(folder)).rejects.toMatchObject({ code: 'BadFile' })
})

it('a list of blobs that names other files opens none of them', async () => {
  await mkdir(join(folder, INDEX.state))
  await writeFile(join(folder, 'archive.json'), formatIndex(INDEX))
  const line = JSON.stringify({ cid: '../archive.json', size: 1, mimeType: 'text/plain' })
  await writeFile(join(folder, INDEX.state, 'blobs.jsonl'), `${line}\n`)
  const archive = await openArchive(folder)
  expect(await archive.blobs().next()).toMatchObject({ done: true })
})
