import { basename, join } from 'node:path'
import type { Client } from '../../client/index.ts'
import { command, type Context } from '../command.ts'
import { CliError } from '../errors.ts'
import { findKeyFile, ignoreKeys, type KeyFile, SECRET_NAMES } from '../init/keyFiles.ts'
import { beginRotation, closeRotation, didOf, finishRotation, type SecretFiles } from '../init/keyRotation.ts'
import { devFolder, needProject, type Project } from '../project/config.ts'
import { orServerError } from '../servers/serverErrors.ts'
import { getStatus, type Status } from '../servers/status.ts'
import { operationText } from '../terminal/operationText.ts'

interface Rotation {
  context: Context
  server: Client
  status: Status
  /** Of the server, as it is now. */
  serverKeys: NonNullable<Status['keys']>
  files: SecretFiles
  keys: KeyFile
  /** What the owner runs so that the Worker gets the secrets of the files. */
  put: readonly string[]
  again: string
}

const COMMAND = 'pds rotate-key'

const report = (
  { context: { out } }: Rotation,
  step: 'secrets' | 'move' | 'done',
  signingKey: string,
  text: readonly string[],
  next: readonly string[] = [],
): void => out.result({ ok: true, step, signingKey, next }, text.join('\n'))

/** Step 1: the new key into the files. Step 2, by hand: into the Worker. */
const makeKey = async (rotation: Rotation): Promise<void> => {
  const { context, files, status } = rotation
  const { out, prompts, io } = context
  let { keys } = rotation
  if (keys.secrets.NEXT_SIGNING_KEY === undefined) {
    out.note(
      [
        `A new signing key for ${status.handle}, in this order:`,
        `  1. it is made, and written into ${basename(files.keyFile)}`,
        '  2. by hand: the Worker gets it as NEXT_SIGNING_KEY',
        '  3. the DID names it, and the account signs with it',
        '  4. by hand: it becomes SIGNING_KEY',
        'The old key stays, as ROTATION_KEY: it can still change the DID.',
      ].join('\n'),
    )
    await prompts.confirm('Make the new key?')
  }
  keys = await beginRotation(files, keys, io.random)
  const signingKey = await didOf(keys.secrets.NEXT_SIGNING_KEY ?? '')
  const dev = context.address().isDevServer
  const next = [...rotation.put, rotation.again]
  report(
    rotation,
    'secrets',
    signingKey,
    [
      `The new key is ${signingKey}. It is in ${basename(files.keyFile)}${dev ? '.' : ': copy that file off this machine now.'}`,
      `The Worker does not have it yet. Next: ${next.map((line) => `\`${line}\``).join(', then ')}.`,
    ],
    next,
  )
}

/** Step 3: the DID and the account. */
const useKey = async ({ context, server }: Rotation): Promise<void> => {
  const { out, prompts } = context
  const rotate = (input: { preview?: boolean; operation?: string }) =>
    orServerError(server.com.cirrus.admin.rotateSigningKey(input))
  const shown = await rotate({ preview: true })
  const { id } = shown
  out.note(
    id === undefined
      ? `The DID needs no operation. The account changes over to ${shown.signingKey}.`
      : `The Worker has the new key. The DID needs an operation for it:\n${operationText(shown)}`,
  )
  await prompts.confirm(id === undefined ? 'Put the new key in use?' : 'Have it signed and sent?')
  await rotate(id === undefined ? {} : { operation: id })
}

/** Step 4, by hand: the new key as SIGNING_KEY. */
const moveKey = async (rotation: Rotation): Promise<void> => {
  const keys = await finishRotation(rotation.files, rotation.keys)
  const dev = rotation.context.address().isDevServer
  const next = [
    ...rotation.put,
    ...(dev ? [] : ['npx wrangler secret delete NEXT_SIGNING_KEY']),
    rotation.again,
  ]
  report(
    rotation,
    'move',
    keys.signingKey,
    [
      `The account signs with ${keys.signingKey}, and the DID names it. Migration tokens from before have ended; sessions go on.`,
      `Last step, whenever you like: ${next.map((line) => `\`${line}\``).join(', then ')}.`,
    ],
    next,
  )
}

const finish = async (rotation: Rotation): Promise<void> => {
  await closeRotation(rotation.files, rotation.keys)
  report(rotation, 'done', rotation.serverKeys.signingKey, [
    `Done: ${rotation.serverKeys.signingKey} is SIGNING_KEY.`,
    `Copy ${basename(rotation.files.keyFile)} off this machine again. The old key is still the rotation key: docs/keys.md says how to remove it, and when.`,
  ])
}

/** What the files and the Worker have decides what is next; nothing else is remembered. */
const goOn = async (rotation: Rotation): Promise<void> => {
  const { keys, serverKeys } = rotation
  const waiting = keys.secrets.NEXT_SIGNING_KEY
  const next = waiting === undefined ? undefined : await didOf(waiting)
  const own = await didOf(keys.secrets.SIGNING_KEY)
  const known = [own, next]
  if (!known.includes(serverKeys.signingKey) || (serverKeys.next && !known.includes(serverKeys.next)))
    throw new CliError(
      'key-file-differs',
      `${basename(rotation.files.keyFile)} has not the key that the Worker uses or waits for (${serverKeys.next ?? serverKeys.signingKey})`,
    )
  if (next !== undefined && serverKeys.signingKey === next) return await moveKey(rotation)
  if (next !== undefined && serverKeys.next === next) {
    await useKey(rotation)
    return await moveKey(rotation)
  }
  if (next === undefined && (keys.unfinishedRotation || serverKeys.secret === 'NEXT_SIGNING_KEY'))
    return serverKeys.secret === 'SIGNING_KEY' ? await finish(rotation) : await moveKey(rotation)
  await makeKey(rotation)
}

/** `npm run dev` has no key file: it is made beside its throw-away keys. */
const devKeys = ({ root, devServerVars }: Project, { did, handle, keys }: Status) => {
  const missing = SECRET_NAMES.filter((name) => !devServerVars[name])
  if (missing.length > 0) throw new CliError('no-signing-key', 'the keys of `npm run dev` are not here')
  const { ROTATION_KEY, NEXT_SIGNING_KEY } = devServerVars
  const secrets: KeyFile['secrets'] = {
    SIGNING_KEY: devServerVars['SIGNING_KEY'] ?? '',
    ADMIN_PASSWORD: devServerVars['ADMIN_PASSWORD'] ?? '',
    PASSWORD_HASH: devServerVars['PASSWORD_HASH'] ?? '',
    SESSION_SECRET: devServerVars['SESSION_SECRET'] ?? '',
    ...(ROTATION_KEY ? { ROTATION_KEY } : {}),
    ...(NEXT_SIGNING_KEY ? { NEXT_SIGNING_KEY } : {}),
  }
  const file = join(devFolder(root), 'cirrus-keys-dev.json')
  return { file, keys: { did, handle, hostname: 'localhost', signingKey: keys?.signingKey ?? '', secrets } }
}

export const rotateKey = command({
  name: 'rotate-key',
  summary: 'Replace the signing key: a new one, the DID, the account; the old one stays the rotation key.',
  description:
    'Run it again after each step: it sees what is done and goes on. `pds status` shows how far it is.\n' +
    'The repository, sessions and followers stay; migration tokens end.',
  examples: ['pds rotate-key', 'pds rotate-key --yes --json'],
  async run(context) {
    const project = needProject(context.project)
    const server = await context.admin()
    const status = await getStatus(server)
    const { did, keys: serverKeys } = status
    if (!serverKeys)
      throw new CliError('not-cirrus', 'the server is an earlier version, which cannot change its key')
    const dev = context.address().isDevServer
    const found = await findKeyFile(dev ? devFolder(project.root) : project.root, did)
    const { file, keys } = found ?? (dev ? devKeys(project, status) : {})
    if (file === undefined || keys === undefined)
      throw new CliError(
        'no-signing-key',
        `there is no key file of ${did} next to wrangler.toml (cirrus-keys-….json)`,
      )
    if (!dev) await ignoreKeys(project.root)
    const devVarsFile = dev ? join(devFolder(project.root), '.dev.vars') : project.devVarsFile
    await goOn({
      context,
      server,
      status,
      serverKeys,
      files: { keyFile: file, devVarsFile },
      keys,
      put: dev ? ['npm run dev (stop it and start it again)'] : ['npx wrangler secret bulk .dev.vars'],
      again: `npx ${COMMAND}${dev ? ' --dev' : ''}`,
    })
  },
})
