import { prepareRecord, type PreparedRecord } from '../../account/repo/commits/prepareRecord.ts'
import { parseSwapCid } from '../../account/repo/commits/parseSwapCid.ts'
import { writeAction } from '../../account/repo/commits/writeAction.ts'
import type { Account } from '../../account/account.ts'
import type { InputSchema, OutputSchema } from '../../generated/types/com/atproto/repo/applyWrites.ts'
import type { Handler } from '../context.ts'
import { requireOwnRepo } from '../requireOwnRepo.ts'

type Write = InputSchema['writes'][number]
type Result = NonNullable<OutputSchema['results']>[number]

const prepare = (account: Account, write: Write, validate: boolean | undefined): PreparedRecord => {
  const { collection, rkey } = write
  // A deletion may carry any unknown field, also one that is called `value`.
  const action = writeAction(write)
  if (action === 'delete' || !('value' in write))
    return { write: { action: 'delete', collection, rkey: rkey ?? '' }, validationStatus: undefined }
  // The lexicon leaves the type of the value open.
  const record = write.value as { [name: string]: unknown }
  return prepareRecord({ action, collection, rkey, record, validate }, account.nextRecordKey)
}

export const applyWrites: Handler<'com.atproto.repo.applyWrites'> = async ({ account, input, error }) => {
  requireOwnRepo(account, input.repo)
  if (input.writes.length > 200)
    throw error('InvalidRequest', `Too many writes: ${input.writes.length}. Max: 200`)
  for (const action of ['create', 'update', 'delete'] as const)
    account.rateLimits.write(action, input.writes.filter((write) => writeAction(write) === action).length)
  const prepared = input.writes.map((write) => prepare(account, write, input.validate))
  const { commit, results } = await account.repo.commit(
    prepared.map(({ write }) => write),
    { swapCommit: parseSwapCid('swapCommit', input.swapCommit) },
  )
  return {
    ...(commit ? { commit: { cid: commit.cid.toString(), rev: commit.rev } } : {}),
    results: results.map(({ path, cid }, i): Result => {
      const { write, validationStatus } = prepared[i] ?? {}
      if (!cid || write?.action === 'delete') return { $type: 'com.atproto.repo.applyWrites#deleteResult' }
      const kind = write?.action === 'create' ? 'createResult' : 'updateResult'
      return {
        $type: `com.atproto.repo.applyWrites#${kind}`,
        uri: `at://${account.did}/${path}`,
        cid: cid.toString(),
        ...(validationStatus ? { validationStatus } : {}),
      } as Result // The template literal widens `$type` to string.
    }),
  }
}
