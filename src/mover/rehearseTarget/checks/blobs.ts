import { pages } from '../../../client/index.ts'
import { madeUpBlobs, type MadeUpBlob } from '../madeUpBlobs.ts'
import { collect, difference, seenError } from '../seen.ts'
import { SOURCES, type Rehearsal, type TargetCheck } from '../types.ts'

/** Small, so that there are several pages. */
const PAGE = 3

const missingBlobs = ({ owner, account }: Rehearsal): Promise<Set<string>> =>
  collect(
    pages((page) => owner.com.atproto.repo.listMissingBlobs({ limit: PAGE, ...page })),
    ({ blobs }) => blobs.map(({ cid }) => cid),
    account.blobs.length,
  )

const upload = async (
  { owner }: Rehearsal,
  { bytes, sentAs, cid }: MadeUpBlob,
): Promise<string | undefined> => {
  const { blob } = await owner.com.atproto.repo.uploadBlob({
    encoding: sentAs,
    body: bytes,
    length: bytes.length,
  })
  if (blob.ref.$link !== cid.toString())
    return `it answers with the CID ${blob.ref.$link}, not ${cid.toString()}`
  return blob.size === bytes.length ? undefined : `it answers with the size ${blob.size}, not ${bytes.length}`
}

/** The blobs' names and types are the same in every rehearsal. */
const BLOBS = madeUpBlobs((length) => new Uint8Array(length))
const isStandard = ({ sentAs }: Pick<MadeUpBlob, 'sentAs'>): boolean => !sentAs.includes('*')

export const blobChecks: readonly TargetCheck[] = [
  {
    id: 'missingBlobs',
    level: 'must',
    expected: 'listMissingBlobs lists, in pages, every blob that records refer to, and nothing else',
    source: SOURCES.migration,
    needs: ['importRepo'],
    async run(rehearsal) {
      const all = new Set(rehearsal.account.blobs.map(({ cid }) => cid.toString()))
      return difference('blobs', all, await missingBlobs(rehearsal))
    },
  },
  ...BLOBS.map((blob, n): TargetCheck => ({
    id: `uploadBlob.${blob.name.replaceAll(' ', '-')}`,
    level: isStandard(blob) ? 'must' : 'should',
    expected: `uploadBlob takes ${blob.name} (as ${blob.sentAs}, size ${blob.bytes.length}), and answers with its CID and size`,
    source: SOURCES.blob,
    needs: ['importRepo'],
    async run(rehearsal) {
      const made = rehearsal.account.blobs[n]
      if (!made) throw new Error('there is no such blob')
      if (isStandard(made)) return await upload(rehearsal, made)
      const seen = await upload(rehearsal, made).catch(seenError)
      // It has to get there, so that what comes after can be asked.
      if (seen !== undefined) await upload(rehearsal, { ...made, sentAs: made.mimeType })
      return seen
    },
  })),
  {
    id: 'missingBlobs.none',
    level: 'must',
    expected: 'once all blobs are there, listMissingBlobs is empty and checkAccountStatus counts them',
    source: SOURCES.migration,
    needs: ['importRepo'],
    async run(rehearsal) {
      const left = difference('missing blobs', new Set(), await missingBlobs(rehearsal))
      if (left !== undefined) return left
      const { importedBlobs, expectedBlobs } = await rehearsal.owner.com.atproto.server.checkAccountStatus()
      const { length } = rehearsal.account.blobs
      return importedBlobs === length && expectedBlobs === length
        ? undefined
        : `importedBlobs is ${importedBlobs} and expectedBlobs ${expectedBlobs}, not ${length}`
    },
  },
]
