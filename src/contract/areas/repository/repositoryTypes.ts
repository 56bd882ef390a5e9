import { isObject } from '../../../isObject.ts'
import type { Commit } from '../../../repo/commit.ts'
import type { Asking } from '../../ask.ts'
import { type Problem, Unclear } from '../../types.ts'
import type { ReadTree } from './readTree.ts'

export const CAR = 'application/vnd.ipld.car'

/** The account's repository, fetched and whole: what other answers are compared with. */
export interface Repository {
  readonly did: string
  /** CID of the commit. */
  readonly root: string
  /** The same, as `indexKey` has it. */
  readonly rootKey: string
  readonly commit: Commit
  readonly tree: ReadTree
}

/**
 * A difference from the repository as it was fetched. If there is a later commit by now, the difference says nothing:
 * rejects with `Unclear`.
 */
export async function unlessWritten(
  ask: Asking,
  { did, root }: Pick<Repository, 'did' | 'root'>,
  problem: Problem,
): Promise<Problem> {
  if (problem === undefined) return undefined
  const { json } = await ask('com.atproto.sync.getLatestCommit', { query: { did } })
  if (isObject(json) && typeof json['cid'] === 'string' && json['cid'] !== root)
    throw new Unclear(`the account was written to meanwhile; ${problem}`)
  return problem
}
