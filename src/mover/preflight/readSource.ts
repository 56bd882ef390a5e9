import { XrpcError } from '../../client/index.ts'
import { cidText } from '../../repo/cid.ts'
import { CarError } from '../../repo/car/carError.ts'
import { RepoError, type VerifiedRepo } from '../../repo/verifyRepo.ts'
import { type Check, fail, pass, warn } from '../check.ts'
import { checkBlobs } from '../proof/checkBlobs.ts'
import { readRepo } from '../proof/readRepo.ts'
import type { MoverDeps } from '../moverDeps.ts'
import type { Contents, PreflightOptions } from './preflightTypes.ts'

/** Of how many blobs the bytes are hashed, unless all are. Each one is asked for in any case. */
const SAMPLED_BLOBS = 16

/** The blobs that the records refer to, with the size that they state; 0 where they do not. */
const referenced = (repo: VerifiedRepo): Map<string, number> => {
  const sizes = new Map<string, number>()
  for (const { blobs } of repo.records())
    for (const { cid, size = 0 } of blobs) sizes.set(cidText(cid.bytes), size)
  return sizes
}

const largestOf = (sizes: ReadonlyMap<string, number>): Contents['largestBlob'] => {
  const [largest] = [...sizes].toSorted(([, a], [, b]) => b - a)
  return largest && { cid: largest[0], size: largest[1] }
}

const repositoryProblem = (cause: unknown): Check | undefined => {
  if (cause instanceof CarError || cause instanceof RepoError)
    return fail(
      'repository',
      `it does not verify: ${cause.code}: ${cause.message}`,
      'ask the old server’s operator; `pds move` shows which records are malformed, and what can be done',
    )
  if (!(cause instanceof XrpcError)) return undefined
  return cause.error === 'NetworkError' || cause.status >= 500
    ? fail('repository', `the old server does not give the repository: ${cause.message}`, 'try again later')
    : warn(
        'repository',
        `the old server gives the repository to nobody who has not signed in: ${cause.message}`,
        'give PDS_SOURCE_PASSWORD, so that it can be read',
      )
}

const checkFound = (total: number, found: Awaited<ReturnType<typeof checkBlobs>>): Check => {
  const { problems, hashed } = found
  if (problems.size === 0)
    return pass('blobs', `all ${total} blobs that records refer to are there; ${hashed} have the right hash`)
  const list = [...problems].map(([cid, problem]) => `${cid} (${problem})`)
  return warn(
    'blobs',
    `${problems.size} of ${total} blobs are not as they should be: ${list.slice(0, 5).join(', ')}${list.length > 5 ? ' …' : ''}`,
    'the move asks what to do about each; if you have the files, upload them to the old server again',
  )
}

/** Fetches and verifies the repository of any server, and asks it for every blob. */
export async function readSource(
  deps: MoverDeps,
  { who, source, store, allBlobs, onProgress }: PreflightOptions,
): Promise<{ checks: Check[]; contents: Contents }> {
  if (!store) return { checks: [], contents: {} }
  const { did, signingKeys } = who
  let fetched
  try {
    fetched = await readRepo(deps, source, { did, signingKeys, store, file: 'preflight.car' })
  } catch (cause) {
    const problem = repositoryProblem(cause)
    if (!problem) throw cause
    return { checks: [problem], contents: {} }
  }
  try {
    const { repo } = fetched
    const sizes = referenced(repo)
    const { records, bytes } = repo.counts
    onProgress?.('repository', records, records)
    const cids = [...sizes.keys()]
    const sample = allBlobs ? cids : cids.filter((_, i) => i % Math.ceil(cids.length / SAMPLED_BLOBS) === 0)
    const found = await checkBlobs({
      did,
      client: source.client,
      cids,
      hashed: new Set(sample),
      signal: deps.signal,
      onProgress: (done) => onProgress?.('blobs', done, cids.length),
    })
    const isPresent = repo.signer === signingKeys[0]
    return {
      contents: {
        records,
        repoBytes: bytes,
        blobs: cids.length,
        blobBytes: [...sizes.values()].reduce((sum, size) => sum + size, 0),
        largestBlob: largestOf(sizes),
      },
      checks: [
        isPresent
          ? pass(
              'repository',
              `all ${records.toLocaleString('en-US')} records verified, signed with the key that the DID names`,
            )
          : warn(
              'repository',
              `all ${records.toLocaleString('en-US')} records verified; the commit is signed with an earlier key, ${repo.signer}`,
              'write something (a post, a like), so that the old server signs with its present key; or move all the same',
            ),
        checkFound(cids.length, found),
      ],
    }
  } catch (cause) {
    const problem = repositoryProblem(cause)
    if (!problem) throw cause
    return { checks: [problem], contents: {} }
  } finally {
    fetched.close()
  }
}
