import { Secret } from '../../crypto/secret.ts'
import { hashPassword } from '../../crypto/password.ts'
import { generateKey } from '../../crypto/privateKey.ts'
import { generateRecoveryKey } from '../../crypto/recoveryKey.ts'
import { loadRecoveryKey } from '../../signing/recoveryKey.ts'
import { type RecoveryKeyFile, readRecoveryKeyFile } from '../files/recoveryKeyFile.ts'
import { loadRotationKey, loadSigningKey } from '../../signing/keys.ts'
import { createGenesis } from '../../plc/build.ts'
import type { Operation } from '../../plc/types.ts'
import type { Context } from '../command.ts'
import { isLoopback, type Project } from '../project/config.ts'
import { didWeb } from '../servers/didWeb.ts'
import { CliError } from '../errors.ts'
import type { Answers } from './answers.ts'
import { askAccountPassword, randomPassword } from './askAccountPassword.ts'
import {
  findKeyFile,
  keyFilePath,
  type KeyFile,
  readKeyFile,
  recoveryFilePath,
  type Secrets,
  SECRET_NAMES,
} from './keyFiles.ts'

/** What `pds init` will write. */
export interface Plan {
  keyFile: string
  keys: KeyFile
  recoveryFile?: string
  recovery?: RecoveryKeyFile
  recoveryKeys: string[]
  genesis?: Operation
  /** Whether the keys are those that were there already. */
  kept: boolean
}

const originFor = (hostname: string): string =>
  isLoopback(`http://${hostname}`) ? `http://${hostname}` : `https://${hostname}`

/**
 * The secrets of an earlier run, from the key file, otherwise from .dev.vars. The two must not hold different signing
 * keys.
 */
const existingSecrets = (project: Project, file: KeyFile | undefined): Secrets | undefined => {
  const { devVars } = project
  const [SIGNING_KEY, ADMIN_PASSWORD, PASSWORD_HASH, SESSION_SECRET] = SECRET_NAMES.map(
    (name) => devVars[name] || undefined,
  )
  if (file && SIGNING_KEY !== undefined && file.secrets.SIGNING_KEY !== SIGNING_KEY)
    throw new CliError(
      'keys-exist',
      `.dev.vars and the key file of ${file.handle} hold different signing keys`,
      {
        next: 'move the one that is not in use away; never delete a key that the DID names',
      },
    )
  if (file) return file.secrets
  if (SIGNING_KEY && ADMIN_PASSWORD && PASSWORD_HASH && SESSION_SECRET) {
    const ROTATION_KEY = devVars['ROTATION_KEY']
    return {
      SIGNING_KEY,
      ADMIN_PASSWORD,
      PASSWORD_HASH,
      SESSION_SECRET,
      ...(ROTATION_KEY ? { ROTATION_KEY } : {}),
    }
  }
  if (SIGNING_KEY)
    throw new CliError('keys-exist', '.dev.vars has a SIGNING_KEY but not all of the other secrets', {
      next: `add the missing ones to .dev.vars (${SECRET_NAMES.join(', ')}), or make new keys with --force`,
    })
  return undefined
}

const newSecrets = async (context: Context) => {
  const { random } = context.io
  const account = await askAccountPassword(context)
  const secrets: Secrets = {
    SIGNING_KEY: (await generateKey(random)).reveal(),
    ADMIN_PASSWORD: randomPassword(random),
    PASSWORD_HASH: await hashPassword(new Secret(account.value), random(16)),
    SESSION_SECRET: randomPassword(random),
  }
  return { secrets, ...(account.generated ? { accountPassword: account.value } : {}) }
}

const recoveryFor = async (context: Context, answers: Answers, file: string, force: boolean) => {
  if (answers.recovery === 'none') return { recoveryKeys: [] }
  if (answers.recovery !== 'generate') return { recoveryKeys: answers.recovery }
  const known = force ? undefined : await readRecoveryKeyFile(file)
  const curve = known?.curve ?? 'k256'
  const privateKey = known?.privateKey ?? (await generateRecoveryKey(curve, context.io.random))
  const recovery = { did: (await loadRecoveryKey(privateKey, curve)).did, curve, privateKey }
  return { recoveryKeys: [recovery.did], recoveryFile: file, recovery }
}

/** The keys of a DID that was made before `pds rotate-key` do not make it again. */
const genesisOfRotated = (keys: KeyFile | undefined): { did: string; operation: Operation } | undefined =>
  keys?.genesis && keys.formerSigningKeys ? { did: keys.did, operation: keys.genesis } : undefined

/** Works out what to write from the answers and from what is there already. It changes nothing. */
export async function makePlan(
  context: Context,
  project: Project,
  answers: Answers,
  force: boolean,
): Promise<Plan> {
  const { hostname, handle, kind } = answers
  const keyFile = keyFilePath(project.root, handle)
  // The handle may have changed since the key file was written, and its name with it.
  const configuredDid = answers.did ?? project.vars['DID']
  const earlier = configuredDid ? (await findKeyFile(project.root, configuredDid))?.keys : undefined
  const known = force ? undefined : ((await readKeyFile(keyFile)) ?? earlier)
  const old = force ? undefined : existingSecrets(project, known)
  const { secrets, accountPassword = known?.accountPassword } = old
    ? { secrets: old, accountPassword: undefined }
    : await newSecrets(context)
  // The owner may have moved the recovery key elsewhere, as pds init told them to: wrangler.toml still names it.
  const configured = (project.vars['RECOVERY_KEYS'] ?? '').split(/[\s,]+/).filter(Boolean)
  const keep = old && answers.recovery === 'generate' && configured.length > 0
  const recovery = keep
    ? { recoveryKeys: configured }
    : await recoveryFor(context, answers, recoveryFilePath(project.root, handle), force)
  const signing = await loadSigningKey(new Secret(secrets.SIGNING_KEY))
  const rotation = await loadRotationKey(new Secret(secrets.ROTATION_KEY ?? secrets.SIGNING_KEY))
  // Signatures are deterministic: with the same keys, handle and host name a second run gives the same DID.
  const newDid = () =>
    createGenesis(rotation, {
      recoveryKeys: recovery.recoveryKeys,
      signingKey: signing.did,
      handle,
      endpoint: originFor(hostname),
    })
  const genesis = kind === 'new' ? (genesisOfRotated(known) ?? (await newDid())) : undefined
  const did = genesis?.did ?? answers.did ?? didWeb(hostname)
  return {
    ...recovery,
    keyFile,
    kept: old !== undefined,
    keys: {
      did,
      handle,
      hostname,
      signingKey: signing.did,
      secrets,
      ...(accountPassword ? { accountPassword } : {}),
      ...(known?.formerSigningKeys ? { formerSigningKeys: known.formerSigningKeys } : {}),
      ...(known?.unfinishedRotation ? { unfinishedRotation: true } : {}),
      ...(genesis ? { genesis: genesis.operation } : {}),
    },
    ...(genesis ? { genesis: genesis.operation } : {}),
  }
}
