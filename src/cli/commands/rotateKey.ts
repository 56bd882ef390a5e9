import { basename, join } from 'node:path'
import { command } from '../command.ts'
import { CliError } from '../errors.ts'
import { findKeyFile, ignoreKeys, type KeyFile, readKeyFile, SECRET_NAMES } from '../init/keyFiles.ts'
import { didOf } from '../init/keyRotation.ts'
import {
  finish,
  makeKey,
  moveKey,
  type Outcome,
  readServerKeys,
  type Rotation,
  type ServerKeys,
  useKey,
} from '../init/rotationSteps.ts'
import { devFolder, needProject, type Project } from '../project/config.ts'
import { getStatus, type Status } from '../servers/status.ts'

type Step = 'make' | 'use' | 'move' | 'finish'

/** What the file and the Worker have decides what is next; nothing else is remembered. */
const nextStep = async (keys: KeyFile, serverKeys: ServerKeys, keyFile: string): Promise<Step> => {
  const waiting = keys.secrets.NEXT_SIGNING_KEY
  const next = waiting === undefined ? undefined : await didOf(waiting)
  const own = await didOf(keys.secrets.SIGNING_KEY)
  const known = [own, next]
  if (!known.includes(serverKeys.signingKey) || (serverKeys.next && !known.includes(serverKeys.next)))
    throw new CliError(
      'key-file-differs',
      `${basename(keyFile)} has not the key that the Worker uses or waits for (${serverKeys.next ?? serverKeys.signingKey})`,
    )
  if (next !== undefined && serverKeys.signingKey === next) return 'move'
  if (next !== undefined && serverKeys.next === next) return 'use'
  if (next === undefined && (keys.unfinishedRotation || serverKeys.secret === 'NEXT_SIGNING_KEY'))
    return serverKeys.secret === 'SIGNING_KEY' ? 'finish' : 'move'
  return 'make'
}

/** Goes from step to step, as far as it can without the owner's hands. */
const goOn = async (rotation: Rotation, known: KeyFile): Promise<void> => {
  const { server, files } = rotation
  let keys = known
  let outcome: Outcome = 'done'
  while (outcome === 'done') {
    const step = await nextStep(keys, await readServerKeys(server), files.keyFile)
    if (step === 'finish') return await finish(rotation, keys)
    outcome =
      step === 'make'
        ? await makeKey(rotation, keys)
        : await (step === 'use' ? useKey(rotation) : moveKey(rotation, keys))
    keys = (await readKeyFile(files.keyFile)) ?? keys
  }
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
    'It asks before each step. The Worker gets its new secrets from the wrangler of this folder, or with --print from\n' +
    'you. Interrupted anywhere, it goes on when it is run again; `pds status` shows how far it is.\n' +
    'The repository, sessions and followers stay; migration tokens end.',
  flags: {
    print: { type: 'boolean', help: 'Only print the wrangler commands, and stop there.' },
  },
  examples: ['pds rotate-key', 'pds rotate-key --yes --json', 'pds rotate-key --print'],
  async run(context, flags) {
    const project = needProject(context.project)
    const server = await context.admin()
    const status = await getStatus(server)
    const { did, handle } = status
    const { isDevServer: dev, isProjectServer } = context.address()
    const found = await findKeyFile(dev ? devFolder(project.root) : project.root, did)
    const { file, keys } = found ?? (dev ? devKeys(project, status) : {})
    if (file === undefined || keys === undefined)
      throw new CliError(
        'no-signing-key',
        `there is no key file of ${did} next to wrangler.toml (cirrus-keys-….json)`,
      )
    if (!dev) await ignoreKeys(project.root)
    const devVarsFile = dev ? join(devFolder(project.root), '.dev.vars') : project.devVarsFile
    await goOn(
      {
        context,
        server,
        handle,
        files: { keyFile: file, devVarsFile },
        again: `npx pds rotate-key${dev ? ' --dev' : ''}`,
        // wrangler changes the Worker of wrangler.toml, whichever server was named.
        deployment: dev || !isProjectServer || flags.print ? undefined : project.root,
      },
      keys,
    )
  },
})
