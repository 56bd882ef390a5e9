import type { Context } from '../command.ts'
import { CliError } from '../errors.ts'
import type { Running } from '../terminal/io.ts'
import type { DevAccount } from './devConfig.ts'

/** How often the server is asked whether it is up, and for how long. */
const READY_POLL_MS = 200
const READY_TIMEOUT_MS = 60_000

/** Waits until the Worker answers. Throws if wrangler ends before, or somebody else answers at this port. */
export const waitUntilReady = async (
  { io }: Pick<Context, 'io'>,
  { url, did }: Pick<DevAccount, 'url' | 'did'>,
  wrangler: Running,
): Promise<void> => {
  const ended: number[] = []
  void wrangler.exited.then((code) => ended.push(code))
  const until = io.now() + READY_TIMEOUT_MS
  while (ended.length === 0 && io.now() < until && !io.signal.aborted) {
    const answer = await io.fetch(`${url}/.well-known/atproto-did`).catch(() => undefined)
    const text = await answer?.text().catch(() => undefined)
    if (answer?.ok && text === did) return
    await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS))
  }
  if (io.signal.aborted) return
  throw new CliError(
    'dev-not-running',
    ended.length === 0 ? `no answer from ${url}` : `wrangler ended with ${ended[0]}`,
    { next: 'read what wrangler says above; if the port is taken, choose another with --port' },
  )
}
