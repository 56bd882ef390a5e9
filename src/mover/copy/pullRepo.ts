import type { Client, Output } from '../../client/index.ts'
import { retrying } from '../../client/retry.ts'
import { MoverError } from '../moverError.ts'
import { ofTarget } from '../refusal.ts'
import { type CopyDeps, retryOptions } from './copyDeps.ts'

export interface PullOptions {
  /** The origin of the server that has the repository. */
  readonly source: string
  /** A token for it; `refused`: another than the one before. Undefined where everyone may read the repository. */
  token?(refused: boolean): Promise<string | undefined>
}

type Pull = NonNullable<Output<'com.cirrus.admin.getPull'>['pull']>

/** How often it is asked how far the server is. */
const POLL_MS = 1000
/** Tokens in a row with which nothing more came. */
const MAX_TOKENS = 3

const failure = ({ source, error = '', message = '' }: Pull): MoverError => {
  const text = `the repository could not be fetched from ${source}: ${message}. Nothing was changed`
  if (error === 'PayloadTooLarge') return new MoverError('import-too-large', text, { server: error })
  if (error === 'InvalidRequest' || error === 'Forbidden' || /^(Wrong|Bad)/.test(error))
    return new MoverError('import-refused', text, { server: error })
  return new MoverError('source-unreachable', text, { server: error })
}

/**
 * Has a Cirrus fetch the account's repository from another server by itself, and follows it until it is in place: for
 * one that is too large for a request. If this is interrupted, the server goes on, and the next call follows it.
 */
export async function pullRepo(deps: CopyDeps, admin: Client, options: PullOptions): Promise<void> {
  const { source, token } = options
  const { pullRepo: pull, getPull } = admin.com.cirrus.admin
  const retry = retrying(retryOptions(deps))
  const start = async (refused: boolean): Promise<Pull> => {
    const given = await token?.(refused)
    const input = { source, ...(given === undefined ? {} : { token: given }) }
    return (await ofTarget(retry(() => pull(input)))).pull
  }
  const earlier = (await ofTarget(retry(() => getPull()))).pull
  const isRunning =
    earlier?.source === source && ['receiving', 'waiting', 'verifying'].includes(earlier.phase)
  let found: Pull | undefined = isRunning ? earlier : await start(false)
  let [tokens, received] = [0, found.received]
  while (found?.phase !== 'done') {
    if (!found)
      throw new MoverError('import-refused', `${admin.origin} was told to stop fetching the repository`)
    if (found.phase === 'failed') throw failure(found)
    deps.progress?.({ bytes: found.received, totalBytes: found.size })
    if (found.received > received) tokens = 0
    received = found.received
    if (found.phase === 'tokenNeeded') {
      if (!token || ++tokens > MAX_TOKENS)
        throw new MoverError('token-refused', `${source} takes none of the tokens: ${found.message ?? ''}`)
      await start(tokens > 1 || found.error !== undefined)
    }
    await deps.wait(POLL_MS, deps.signal)
    found = (await ofTarget(retry(() => getPull()))).pull
  }
}
