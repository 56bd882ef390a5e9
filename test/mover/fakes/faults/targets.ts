import { json, refusal } from '../network.ts'
import {
  type Fault,
  GET_BLOB,
  GET_REPO,
  IMPORT,
  LATEST,
  MISSING,
  PUT_PREFERENCES,
  STATUS,
  UPLOAD,
  after,
  before,
  limited,
} from './fault.ts'

/** Targets as they are. */
export const TARGET_FAULTS: readonly Fault[] = [
  {
    name: 'uploads are rate-limited, with retry-after',
    side: 'target',
    apply: ({ target }) => before(target, UPLOAD, (_, n) => (n % 2 === 0 ? limited(45) : undefined)),
  },
  {
    name: 'uploads of images are refused',
    side: 'target',
    apply: ({ target }) =>
      before(target, UPLOAD, ({ sent }) =>
        sent.headers.get('content-type')?.startsWith('image/')
          ? refusal(400, 'InvalidMimeType', 'this type is not accepted')
          : undefined,
      ),
  },
  {
    name: 'the first upload is not kept',
    side: 'target',
    apply: ({ target, did }) =>
      after(target, UPLOAD, (_, answer, n) => {
        if (n === 1) target.accounts.get(did)?.blobs.clear()
        return answer
      }),
  },
  {
    name: 'listMissingBlobs says that nothing is missing',
    side: 'target',
    apply: ({ target }) => before(target, MISSING, () => json({ blobs: [] })),
  },
  {
    name: 'listMissingBlobs does not exist',
    side: 'target',
    apply: ({ target }) => before(target, MISSING, () => refusal(501, 'MethodNotImplemented')),
  },
  {
    name: 'lists have pages of one entry',
    side: 'target',
    options: { source: { pageSize: 1 }, target: { pageSize: 1 } },
  },
  {
    name: 'checkAccountStatus counts nothing',
    side: 'target',
    apply: ({ target }) =>
      after(target, STATUS, async (_, answer) => {
        if (!answer.ok) return answer
        const counted = (await answer.json()) as object
        return json({ ...counted, indexedRecords: 0, importedBlobs: 0, expectedBlobs: 0, repoBlocks: 0 })
      }),
  },
  {
    name: 'importRepo fails twice, then answers',
    side: 'target',
    apply: ({ target }) =>
      before(target, IMPORT, (_, n) => (n <= 2 ? refusal(503, 'ServiceUnavailable') : undefined)),
  },
  {
    name: 'the answer of importRepo is lost',
    side: 'target',
    apply: ({ target }) =>
      after(target, IMPORT, (_, answer, n) => {
        if (n === 1) throw new TypeError('fetch failed: socket hang up')
        return answer
      }),
  },
  {
    name: 'access tokens of the target last for a minute',
    side: 'target',
    options: { target: { accessTokenMs: 60_000 } },
  },
  {
    name: 'an inactive account shows nothing to its owner',
    side: 'target',
    apply: ({ target, did }) => {
      for (const method of [GET_REPO, GET_BLOB, LATEST])
        before(target, method, () =>
          target.accounts.get(did)?.active
            ? undefined
            : refusal(400, 'RepoDeactivated', 'Repo has been deactivated'),
        )
    },
  },
  {
    name: 'putPreferences refuses',
    side: 'target',
    apply: ({ target }) => before(target, PUT_PREFERENCES, () => refusal(400, 'InvalidRequest', 'no')),
  },
  {
    name: 'putPreferences fails',
    side: 'target',
    apply: ({ target }) => before(target, PUT_PREFERENCES, () => refusal(502, 'UpstreamFailure', 'no')),
  },
]

/** Targets that cannot take the account: the move stops before the DID changes, and says why. */
export const REFUSING_FAULTS: readonly (Fault & { readonly code: string })[] = [
  {
    name: 'importRepo answers 200 and takes nothing',
    side: 'target',
    code: 'target-lies',
    apply: ({ target }) => before(target, IMPORT, () => new Response(null, { status: 200 })),
  },
  {
    name: 'importRepo answers 200 and loses records',
    side: 'target',
    code: 'target-lies',
    apply: ({ target, did }) =>
      after(target, IMPORT, async (_, answer) => {
        const account = target.accounts.get(did)
        const [path] = account?.repo.records.keys() ?? []
        if (account && path) await target.write(account, { [path]: undefined })
        return answer
      }),
  },
  {
    name: 'importRepo takes less than the repository has',
    side: 'target',
    code: 'import-too-large',
    options: { target: { maxImportBytes: 1000 } },
  },
  {
    name: 'importRepo does not exist',
    side: 'target',
    code: 'target-refused',
    apply: ({ target }) => before(target, IMPORT, () => refusal(501, 'MethodNotImplemented')),
  },
]
