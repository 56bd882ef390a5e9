import { basename, relative } from 'node:path'
import { rename } from 'node:fs/promises'
import { outbound } from '../../outbound.ts'
import { createDirectory } from '../../plc/directory.ts'
import { orServerError } from '../servers/serverErrors.ts'
import { command, type Context } from '../command.ts'
import { DEFAULT_PLC_URL, isLoopback, type Project } from '../project/config.ts'
import { editCustomDomain } from '../project/customDomain.ts'
import { editDevVars } from '../project/devVars.ts'
import { CliError } from '../errors.ts'
import { readText, writeSecret, writeAtomically } from '../files/files.ts'
import { askAnswers } from '../init/answers.ts'
import { initFlags } from '../init/flags.ts'
import { writeRecoveryKeyFile } from '../files/recoveryKeyFile.ts'
import { ignoreKeys, restrictToOwner, readKeyFile, writeKeyFile } from '../init/keyFiles.ts'
import { makePlan, type Plan } from '../init/plan.ts'
import { prepareFolder } from '../init/prepareFolder.ts'
import { editVars } from '../project/wranglerToml.ts'

const directoryAt = (context: Context, url: string) =>
  createDirectory(outbound({ fetch: context.io.fetch }, { dev: isLoopback(url) }), url)

/** Throws if the answers would replace a DID that is configured and in use; with --force it only warns. */
const guardIdentity = async (
  context: Context,
  project: Project,
  plan: Plan,
  url: string,
  force: boolean,
): Promise<void> => {
  const before = project.vars['DID'] ?? ''
  const { did, genesis } = plan.keys
  if (before === '' || before === did) return
  // A new DID may be replaced as long as it is not registered: the answers changed before it was.
  const registered =
    genesis && before.startsWith('did:plc:') ? await isRegistered(context, before, url) : true
  if (!registered) return
  if (!force)
    throw new CliError(
      'keys-exist',
      `wrangler.toml is set up for ${before}, and these answers would change it to ${did}`,
      {
        next: 'give the answers of that account, use another folder for another account, or add --force',
      },
    )
  context.out.warn(`wrangler.toml is set up for ${before}. This will no longer be its server.`)
}

const isRegistered = async (context: Context, did: string, url: string): Promise<boolean> => {
  try {
    await orServerError(directoryAt(context, url).head(did))
    return true
  } catch (cause) {
    if (cause instanceof CliError && cause.code === 'did-not-found') return false
    throw cause
  }
}

/** Renames a file of old keys, so that they are kept: a lost key is a lost account. */
const renameOld = async (file: string | undefined, now: number): Promise<void> => {
  if (file && (await readText(file)) !== undefined)
    await rename(file, file.replace(/\.json$/, `.${now}.json`))
}

/** Returns whether the host name is a custom domain in wrangler.toml: it may be written in a form that is not understood. */
const writeFiles = async (
  project: Project,
  plan: Plan,
  vars: Record<string, string>,
  force: boolean,
  now: number,
): Promise<boolean> => {
  await ignoreKeys(project.root)
  if (force) {
    await renameOld(plan.keyFile, now)
    await renameOld(plan.recoveryFile, now)
  }
  // The backups come first, so that no key that is announced to the network can be lost.
  if (plan.recovery && plan.recoveryFile) await writeRecoveryKeyFile(plan.recoveryFile, plan.recovery)
  const known = await readKeyFile(plan.keyFile)
  if (JSON.stringify(known) !== JSON.stringify(plan.keys)) await writeKeyFile(plan.keyFile, plan.keys)
  const devVars = (await readText(project.devVarsFile)) ?? ''
  const { ROTATION_KEY, ...secrets } = plan.keys.secrets
  const edited = editDevVars(devVars, ROTATION_KEY ? { ...secrets, ROTATION_KEY } : secrets)
  if (edited !== devVars) await writeSecret(project.devVarsFile, edited)
  await restrictToOwner(project.devVarsFile)
  const toml = (await readText(project.tomlFile)) ?? ''
  const changed = editVars(toml, vars, project.tomlFile)
  const routed = editCustomDomain(
    changed,
    plan.keys.hostname,
    project.vars['HOSTNAME']?.toLowerCase(),
    project.tomlFile,
  )
  if ((routed ?? changed) !== toml) await writeAtomically(project.tomlFile, routed ?? changed)
  return routed !== undefined
}

const deployCommands = (project: Project, place: string, moving: boolean) => [
  ...(place === '' ? [] : [`cd ${/^[\w./-]+$/.test(place) ? place : `'${place.replaceAll("'", `'\\''`)}'`}`]),
  `npx wrangler r2 bucket create ${project.bucket}`,
  'npx wrangler deploy',
  'npx wrangler secret bulk .dev.vars',
  moving ? 'npx pds import --from <the PDS that the account is on>' : 'npx pds activate',
  'npx pds doctor',
]

/** How the handle is to be made to name the DID. A handle that is the host name names it already. */
const handleText = ({ handle, hostname, did }: Plan['keys']): string[] =>
  handle === hostname
    ? []
    : [
        '',
        `Handle: add this DNS record where ${handle} is registered:`,
        `  _atproto.${handle}  TXT  "did=${did}"`,
      ]

export const init = command({
  name: 'init',
  summary: 'Set up a folder: identity, keys, wrangler.toml, .dev.vars.',
  description:
    'With a folder, it makes a deployment of four files there and installs cirrus-pds and wrangler.\n' +
    'It asks what the flags do not say. Existing keys stay; after a failure, run it again and it continues.\n' +
    'The account password comes from PDS_PASSWORD or is asked for. Without a terminal one is generated.',
  positionals: [
    {
      name: 'folder',
      help: 'A new deployment there. Default: the folder with wrangler.toml.',
      optional: true,
    },
  ],
  flags: initFlags,
  examples: [
    'npx cirrus-pds init my-pds',
    'pds init',
    'pds init --hostname pds.example.com --handle alice.example.com --new',
    'pds init --hostname pds.example.com --handle alice.example.com --did did:plc:…',
  ],
  async run(context, flags, [target]) {
    const { out, prompts, io } = context
    const folder = await prepareFolder(context, target, flags)
    const url = flags['plc-url'] ?? (folder.vars['PLC_DIRECTORY_URL'] || DEFAULT_PLC_URL)
    const answers = await askAnswers(context, flags, folder.vars)
    if (flags.force)
      await prompts.confirm('Make new keys? The DID still names the old ones, and only they can change that.')
    const project = await folder.complete()
    const plan = await makePlan(context, project, answers, flags.force)
    const { keys, genesis, recoveryFile, keyFile } = plan
    await guardIdentity(context, project, plan, url, flags.force)
    if (
      answers.kind === 'existing' &&
      keys.did.startsWith('did:plc:') &&
      !(await isRegistered(context, keys.did, url))
    )
      throw new CliError('did-not-found', `${keys.did} is not registered at ${url}`)
    const vars = {
      DID: keys.did,
      HANDLE: keys.handle,
      HOSTNAME: keys.hostname,
      RECOVERY_KEYS: plan.recoveryKeys.join(' '),
      ...(flags['plc-url'] ? { PLC_DIRECTORY_URL: url } : {}),
    }
    const routed = await writeFiles(project, plan, vars, flags.force, io.now())
    if (!routed)
      out.warn(
        `${keys.hostname} could not be added to the routes of wrangler.toml, which are written in a form that is not understood: add { pattern = "${keys.hostname}", custom_domain = true } to them yourself.`,
      )
    if (genesis) {
      out.note(`Registering ${keys.did} at ${url} …`)
      await orServerError(directoryAt(context, url).submit(keys.did, genesis))
    }
    if (plan.recoveryKeys.length === 0 && answers.kind !== 'web')
      out.warn(
        'there is no recovery key above this server’s key: anyone who gets that key gets the DID, and no move can be undone.',
        'no-recovery-key',
      )
    const commands = deployCommands(project, relative(io.cwd, project.root), answers.kind === 'existing')
    const backups = [
      `${basename(keyFile)}: every key and password of this server. A Worker’s secrets cannot be read back.`,
      ...(recoveryFile && plan.recovery
        ? [
            `${basename(recoveryFile)}: your recovery key. Store it apart from everything else, and delete it here.`,
          ]
        : []),
    ]
    const text = [
      `${out.paint('green', plan.kept ? 'Set up; the keys are unchanged' : 'Set up')}: ${keys.handle}, ${keys.did}, ${keys.hostname}`,
      ...(keys.accountPassword ? [`The account password was generated and is in ${basename(keyFile)}.`] : []),
      '',
      out.paint('bold', 'Back up now, off this machine (readable only by you, ignored by git):'),
      ...backups.map((line) => `  ${line}`),
      '',
      out.paint('bold', 'Then deploy:'),
      ...commands.map((line) => `  ${line}`),
      ...handleText(keys),
      '',
      'Or try it on this machine first: npm run dev',
    ].join('\n')
    out.result(
      {
        ok: true,
        did: keys.did,
        handle: keys.handle,
        hostname: keys.hostname,
        signingKey: keys.signingKey,
        recoveryKeys: plan.recoveryKeys,
        kept: plan.kept,
        keyFile,
        ...(recoveryFile && plan.recovery ? { recoveryFile } : {}),
        commands,
      },
      text,
    )
  },
})
