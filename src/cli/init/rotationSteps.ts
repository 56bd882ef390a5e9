import { basename } from 'node:path'
import type { Client } from '../../client/index.ts'
import type { Context } from '../command.ts'
import { CliError } from '../errors.ts'
import { mayPut, putCommands, putSecrets, type SecretChanges } from '../project/putSecrets.ts'
import { orServerError } from '../servers/serverErrors.ts'
import { getStatus, type Status } from '../servers/status.ts'
import { confirmOperation } from '../terminal/confirmOperation.ts'
import type { KeyFile } from './keyFiles.ts'
import { beginRotation, closeRotation, didOf, finishRotation, type SecretFiles } from './keyRotation.ts'

/** The keys of the server, as its status tells them. */
export type ServerKeys = NonNullable<Status['keys']>

export interface Rotation {
  context: Context
  server: Client
  handle: string
  files: SecretFiles
  /** What the owner runs to come back here. */
  again: string
  /** The deployment's folder, where wrangler may be run; undefined: the owner gives the Worker its secrets by hand. */
  deployment: string | undefined
}

/** What a step leaves: whether the next one can follow at once, or the owner has something to do first. */
export type Outcome = 'done' | 'by hand'

/** A new version of the Worker is everywhere within seconds; a server that is being replaced may not answer. */
const SEEN_TIMEOUT_MS = 120_000
const SEEN_POLL_MS = 1000

/** What the keys of the server are now. */
export const readServerKeys = async (server: Client): Promise<ServerKeys> => {
  const { keys } = await getStatus(server)
  if (keys) return keys
  throw new CliError('not-cirrus', 'the server is an earlier version, which cannot change its key')
}

const waitUntilSeen = async (
  { context: { io, address }, server }: Rotation,
  isSeen: (keys: ServerKeys) => boolean,
): Promise<void> => {
  const until = io.now() + SEEN_TIMEOUT_MS
  while (io.now() < until && !io.signal.aborted) {
    const keys = await readServerKeys(server).catch((cause: unknown) => {
      if (cause instanceof CliError) return undefined
      throw cause
    })
    if (keys && isSeen(keys)) return
    await new Promise((resolve) => setTimeout(resolve, SEEN_POLL_MS))
  }
  if (io.signal.aborted) throw new CliError('interrupted', 'interrupted')
  throw new CliError(
    'secrets-not-seen',
    `wrangler has changed the secrets, and the server at ${new URL(address().origin).host} does not use them yet`,
  )
}

const report = (
  { context: { out } }: Rotation,
  step: 'secrets' | 'move' | 'done',
  signingKey: string,
  text: readonly string[],
  next: readonly string[] = [],
): void => out.result({ ok: true, step, signingKey, next }, text.join('\n'))

interface Put {
  step: 'secrets' | 'move'
  signingKey: string
  changes: SecretChanges
  question: string
  isSeen(keys: ServerKeys): boolean
  /** What the owner reads if they do it by hand. */
  byHand: readonly string[]
}

/** Gives the Worker its secrets, if the owner agrees; otherwise says how to. */
const put = async (rotation: Rotation, { step, signingKey, changes, ...rest }: Put): Promise<Outcome> => {
  const { context, deployment, again } = rotation
  if (deployment !== undefined && (await mayPut(context.prompts, rest.question))) {
    context.out.note('Running `wrangler secret bulk` …')
    await putSecrets(context.io, deployment, changes)
    await waitUntilSeen(rotation, rest.isSeen)
    return 'done'
  }
  const commands = context.address().isDevServer
    ? ['npm run dev (stop it and start it again)']
    : putCommands(changes)
  const next = [...commands, again]
  const lines = [...rest.byHand, `Next: ${next.map((line) => `\`${line}\``).join(', then ')}.`]
  report(rotation, step, signingKey, lines, next)
  return 'by hand'
}

/** Makes the new key, into the files and then into the Worker. */
export const makeKey = async (rotation: Rotation, known: KeyFile): Promise<Outcome> => {
  const { context, files, handle } = rotation
  const { out, prompts, io } = context
  const keyFile = basename(files.keyFile)
  if (known.secrets.NEXT_SIGNING_KEY === undefined) {
    out.note(
      [
        `A new signing key for ${handle}, in this order:`,
        `  1. it is made, and written into ${keyFile}`,
        '  2. the Worker gets it as NEXT_SIGNING_KEY',
        '  3. the DID names it, and the account signs with it',
        '  4. it becomes SIGNING_KEY',
        'The old key stays, as ROTATION_KEY: it can still change the DID.',
      ].join('\n'),
    )
    await prompts.confirm('Make the new key?')
  }
  const { secrets } = await beginRotation(files, known, io.random)
  const { ROTATION_KEY, NEXT_SIGNING_KEY } = secrets
  const signingKey = await didOf(NEXT_SIGNING_KEY)
  const copy = context.address().isDevServer ? '.' : ': copy that file off this machine now.'
  const made = `The new key is ${signingKey}. It is in ${keyFile}${copy}`
  if (rotation.deployment !== undefined) out.note(made)
  return await put(rotation, {
    step: 'secrets',
    signingKey,
    changes: { ROTATION_KEY, NEXT_SIGNING_KEY },
    question: `Is ${keyFile} copied, and may wrangler put the new key into the Worker, as NEXT_SIGNING_KEY?`,
    isSeen: ({ next }) => next === signingKey,
    byHand: [made, 'The Worker does not have it yet.'],
  })
}

/** Has the DID name the key that the Worker has as NEXT_SIGNING_KEY, and the account sign with it. */
export const useKey = async ({ context, server }: Rotation): Promise<Outcome> => {
  const { out, prompts } = context
  await confirmOperation(context, {
    change: (input) => orServerError(server.com.cirrus.admin.rotateSigningKey(input)),
    reason: () => 'The Worker has the new key. The DID needs an operation for it:',
    async withoutOperation({ signingKey }) {
      out.note(`The DID needs no operation. The account changes over to ${signingKey}.`)
      await prompts.confirm('Put the new key in use?')
    },
  })
  return 'done'
}

/** The key in use becomes SIGNING_KEY: in the files and then in the Worker. */
export const moveKey = async (rotation: Rotation, known: KeyFile): Promise<Outcome> => {
  const { signingKey, secrets } = await finishRotation(rotation.files, known)
  const used = `The account signs with ${signingKey}, and the DID names it. Migration tokens from before have ended; sessions go on.`
  if (rotation.deployment !== undefined) rotation.context.out.note(used)
  return await put(rotation, {
    step: 'move',
    signingKey,
    changes: { SIGNING_KEY: secrets.SIGNING_KEY, NEXT_SIGNING_KEY: null },
    question: 'May wrangler make it SIGNING_KEY of the Worker, and remove NEXT_SIGNING_KEY?',
    isSeen: ({ secret }) => secret === 'SIGNING_KEY',
    byHand: [used, 'The last step can wait.'],
  })
}

/** Nothing is left to do: the file says so. */
export const finish = async (rotation: Rotation, known: KeyFile): Promise<void> => {
  await closeRotation(rotation.files, known)
  report(rotation, 'done', known.signingKey, [
    `Done: ${known.signingKey} is SIGNING_KEY.`,
    `Copy ${basename(rotation.files.keyFile)} off this machine again. The old key is still the rotation key: docs/keys.md says how to remove it, and when.`,
  ])
}
