import { CliError } from '../errors.ts'
import type { Prompts } from '../terminal/prompts.ts'
import type { Io } from '../terminal/io.ts'
import { findWrangler } from './devConfig.ts'

/** New values of secrets of the deployed Worker; null removes one. */
export type SecretChanges = Readonly<Record<string, string | null>>

/** What does the same by hand, once .dev.vars has the values. */
export const putCommands = (changes: SecretChanges): string[] => [
  'npx wrangler secret bulk .dev.vars',
  ...Object.entries(changes).flatMap(([name, value]) =>
    value === null ? [`npx wrangler secret delete ${name}`] : [],
  ),
]

/**
 * Changes secrets of the deployment's Worker: all or none, in one request of wrangler, which deploys them at once. The
 * values go over standard input, since a list of processes shows arguments. May be repeated.
 */
export async function putSecrets(io: Io, root: string, changes: SecretChanges): Promise<void> {
  const code = await io.start(process.execPath, [findWrangler(root), 'secret', 'bulk'], {
    cwd: root,
    env: { WRANGLER_SEND_METRICS: 'false' },
    stdin: JSON.stringify(changes),
  }).exited
  if (io.signal.aborted) throw new CliError('interrupted', 'interrupted')
  if (code !== 0)
    throw new CliError(
      'secrets-not-put',
      `\`wrangler secret bulk\` ended with ${code}: ${Object.keys(changes).join(' and ')} may not have reached the Worker`,
      {
        next: `read what wrangler says above (if it is not signed in: \`npx wrangler login\`), then run the same command again; or by hand: ${putCommands(
          changes,
        )
          .map((line) => `\`${line}\``)
          .join(', then ')}`,
      },
    )
}

/** Asks whether wrangler may be run. A no is an answer too: the owner does it by hand. */
export async function mayPut(prompts: Prompts, question: string): Promise<boolean> {
  try {
    await prompts.confirm(question)
    return true
  } catch (cause) {
    if (cause instanceof CliError && cause.code === 'not-confirmed') return false
    throw cause
  }
}
