import { basename } from 'node:path'
import { hashPassword } from '../../crypto/password.ts'
import { Secret } from '../../crypto/secret.ts'
import { command } from '../command.ts'
import { CliError } from '../errors.ts'
import { readText, writeSecret } from '../files/files.ts'
import { askAccountPassword } from '../init/askAccountPassword.ts'
import { ignoreKeys, keyFileOf, keyFilePath, readKeyFile, writeKeyFile } from '../init/keyFiles.ts'
import { needProject, type Project } from '../project/config.ts'
import { editDevVars } from '../project/devVars.ts'
import { mayPut, putCommands, putSecrets } from '../project/putSecrets.ts'

/** Puts the hash into the key file; the password too if it was generated. Returns false if there is no key file here. */
const keepInKeyFile = async (
  keyFile: string,
  PASSWORD_HASH: string,
  generated: string | undefined,
): Promise<boolean> => {
  const known = await readKeyFile(keyFile)
  if (!known) return false
  const { accountPassword: _, ...keys } = known
  await writeKeyFile(keyFile, {
    ...keys,
    secrets: { ...keys.secrets, PASSWORD_HASH },
    ...(generated === undefined ? {} : { accountPassword: generated }),
  })
  return true
}

const keepInDevVars = async ({ devVarsFile }: Project, PASSWORD_HASH: string): Promise<void> =>
  await writeSecret(devVarsFile, editDevVars((await readText(devVarsFile)) ?? '', { PASSWORD_HASH }))

export const setPassword = command({
  name: 'set-password',
  summary: 'Set another account password: in the key file, .dev.vars and the Worker.',
  description:
    'The password comes from PDS_PASSWORD or is asked for. Without a terminal one is generated, and is in the key\n' +
    'file. The Worker gets its hash from the wrangler of this folder, or with --print from you. Once it has it, every\n' +
    'session has ended; app passwords stay, and sign in again.',
  flags: { print: { type: 'boolean', help: 'Only print the wrangler command.' } },
  examples: ['pds set-password', 'pds set-password --print'],
  async run({ out, prompts, globals, io, ...context }, flags) {
    const project = needProject(context.project)
    if (globals.dev || globals.host !== undefined)
      throw new CliError(
        'usage',
        'pds set-password is about the Worker of this folder: leave out --dev and --host',
      )
    const handle = project.vars['HANDLE'] ?? ''
    if (handle === '') throw new CliError('not-configured', 'HANDLE is not set in wrangler.toml')
    const { value, generated } = await askAccountPassword({ prompts, io })
    await prompts.confirm('Set this account password? Once it is deployed, every app has to sign in again.')
    const hash = await hashPassword(new Secret(value), io.random(16))
    // A file from before `pds handle` has the earlier handle in its name.
    const found = await keyFileOf(project.root, { did: project.vars['DID'] ?? '', handle })
    const keyFile = found?.file ?? keyFilePath(project.root, handle)
    await ignoreKeys(project.root)
    // The backup comes first: a password that is only in the Worker cannot be read back.
    const kept = await keepInKeyFile(keyFile, hash, generated ? value : undefined)
    if (!kept && generated)
      throw new CliError(
        'not-a-terminal',
        `${basename(keyFile)} is not here, so a generated password would be lost`,
        { next: 'give the password as PDS_PASSWORD, or run the command in a terminal' },
      )
    await keepInDevVars(project, hash)
    if (!kept)
      out.warn(
        `${basename(keyFile)} is not here: put the new PASSWORD_HASH of .dev.vars into your copy of it.`,
      )
    const changes = { PASSWORD_HASH: hash }
    const deployed =
      !flags.print &&
      (await mayPut(
        prompts,
        'May wrangler put it into the Worker now? Until then the old password is valid.',
      ))
    if (deployed) {
      out.note('Running `wrangler secret bulk` …')
      await putSecrets(io, project.root, changes)
    }
    const commands = deployed ? [] : putCommands(changes)
    const text = [
      kept
        ? `The new account password’s hash is in ${basename(keyFile)} and .dev.vars: renew your backup of the key file.`
        : 'The new account password’s hash is in .dev.vars.',
      ...(generated ? [`The password was generated and is in ${basename(keyFile)}.`] : []),
      '',
      ...(deployed
        ? ['The Worker has it: every app has to sign in again.']
        : [
            out.paint('bold', 'Now deploy it; until then the old password is valid:'),
            ...commands.map((line) => `  ${line}`),
          ]),
      '',
      'App passwords stay. If somebody else had the account password, look at `pds app-password list` too.',
    ].join('\n')
    out.result({ ok: true, generated, ...(kept ? { keyFile } : {}), deployed, commands }, text)
  },
})
