import { basename } from 'node:path'
import { connect } from '../../client/index.ts'
import { command, type Context } from '../command.ts'
import { EXIT } from '../exit.ts'
import { CliError } from '../errors.ts'
import { readText, writeAtomically } from '../files/files.ts'
import { checkHostname } from '../init/answers.ts'
import { keyFileOf, writeKeyFile } from '../init/keyFiles.ts'
import { isLoopback, needProject, type Project } from '../project/config.ts'
import { editVars } from '../project/wranglerToml.ts'
import { didWeb } from '../servers/didWeb.ts'
import { orServerError } from '../servers/serverErrors.ts'
import { confirmOperation } from '../terminal/confirmOperation.ts'

const originOf = (hostname: string): string =>
  isLoopback(`http://${hostname}`) ? `http://${hostname}` : `https://${hostname}`

const previousOf = ({ vars }: Project): string[] =>
  (vars['PREVIOUS_HOSTNAMES'] ?? '').split(/[\s,]+/).filter(Boolean)

/** The DID of an account that lives on its own host name is that name: it cannot have another. */
const refuseDidWeb = ({ vars }: Project, hosts: readonly string[]): void => {
  const did = vars['DID'] ?? ''
  if (!hosts.some((host) => didWeb(host) === did.toLowerCase())) return
  throw new CliError(
    'rehost-did-web',
    `${did} is the host name itself: with another host name the account would be another account, without its followers`,
  )
}

/** What the owner does by hand: DNS, certificate and routes are Cloudflare's. Both names must lead to the Worker. */
const deployCommand = (hosts: readonly string[]): string =>
  `npx wrangler deploy ${hosts.map((host) => `--domain ${host}`).join(' ')}`

/** Step 1: the new name into wrangler.toml, and the old one as one that this server had. */
const writeNames = async (context: Context, project: Project, before: string, host: string) => {
  const { out, prompts } = context
  const previous = [...new Set([before, ...previousOf(project)])].filter((name) => name !== host)
  out.note(
    [
      `From ${before} to ${host}, in this order:`,
      `  1. wrangler.toml: HOSTNAME = ${host}, and ${before} among PREVIOUS_HOSTNAMES, so that sessions and the DID stay valid`,
      `  2. by hand: ${deployCommand([host, ...previous])}; Cloudflare makes the DNS record and the certificate`,
      `  3. the DID names ${originOf(host)}, and the relays are told`,
      '  4. by hand, weeks later: the old name is given up',
      `Passkeys belong to ${before}: once the server is ${host}, they are worthless. Then register others (\`pds passkey add\`);`,
      'and if the password is switched off, switch it on now (`pds passkey password on`).',
    ].join('\n'),
  )
  await prompts.confirm('Write wrangler.toml?')
  const toml = (await readText(project.tomlFile)) ?? ''
  const vars = { HOSTNAME: host, PREVIOUS_HOSTNAMES: previous.join(' ') }
  await writeAtomically(project.tomlFile, editVars(toml, vars, project.tomlFile))
  const next = [deployCommand([host, ...previous]), `npx pds rehost ${host}`]
  out.result(
    { ok: true, step: 'deploy', host, previous, next },
    `wrangler.toml names ${host}. If it has routes, add one for ${host} like that of ${before}, and keep both.\nNext: \`${next[0]}\`, then \`${next[1]}\` again, which checks it and goes on.`,
  )
}

/** Step 2: whether the Worker answers at the new name, as the new server. */
const checkDeployed = async ({ io }: Context, hosts: readonly [string, ...string[]]): Promise<void> => {
  const [host] = hosts
  const next = `run \`${deployCommand(hosts)}\`, wait until the certificate is there, then run the same command again`
  const answer = await connect(originOf(host), { fetch: io.fetch })
    .com.atproto.server.describeServer()
    .catch((cause: unknown) => {
      throw new CliError('rehost-not-deployed', `${host} does not answer as a PDS yet`, { next, cause })
    })
  if (answer.did !== didWeb(host))
    throw new CliError(
      'rehost-not-deployed',
      `${host} answers, but says that it is ${answer.did.slice(0, 200)}: the deployed Worker has another HOSTNAME`,
      { next },
    )
}

/** The old name is in the DID until step 3, and in what others remember for days. */
const warnOfOldName = async ({ io, out }: Context, previous: readonly string[]): Promise<void> => {
  for (const host of previous)
    await connect(originOf(host), { fetch: io.fetch })
      .com.atproto.server.describeServer()
      .catch(() =>
        out.warn(`${host} does not answer any more: keep its route until nobody asks for it any more.`),
      )
}

export const rehost = command({
  name: 'rehost',
  summary: 'Give this server another host name: wrangler.toml, the DID, the relays, and what to do by hand.',
  description:
    'Run it again after each step: it checks what is done and goes on. The account, its keys, its sessions and its\n' +
    'followers stay. A did:web account whose DID is the old host name cannot have another.',
  positionals: [{ name: 'host', help: 'The new host name, such as pds.example.org.' }],
  examples: ['pds rehost pds.example.org', 'pds rehost pds.example.org --yes --json'],
  async run(context, _, [asked]) {
    const { out } = context
    const project = needProject(context.project)
    const host = asked.toLowerCase()
    const wrong = checkHostname(host)
    if (wrong) throw new CliError('usage', `pds rehost: "${asked}" is not a host name. ${wrong}`)
    const before = project.vars['HOSTNAME'] ?? ''
    if (before === '') throw new CliError('not-configured', 'HOSTNAME is not set in wrangler.toml')
    const previous = previousOf(project)
    refuseDidWeb(project, [before, ...previous])
    if (before !== host) {
      await writeNames(context, project, before, host)
      return EXIT.ok
    }
    await checkDeployed(context, [host, ...previous])
    await warnOfOldName(context, previous)
    const server = await context.admin()
    const { done } = await confirmOperation(context, {
      change: (input) => orServerError(server.com.cirrus.admin.updatePds(input)),
      reason: (shown) => `${host} answers. The DID still names ${shown.previous ?? 'no PDS'}:`,
    })
    const { DID: did = '', HANDLE: handle = '' } = project.vars
    const kept = await keyFileOf(project.root, { did, handle })
    if (kept && kept.keys.hostname !== host) await writeKeyFile(kept.file, { ...kept.keys, hostname: host })
    const text = [
      `The DID names ${done.pds}, and the relays are told.`,
      ...(previous.includes(handle)
        ? [
            `The handle ${handle} is the old host name: keep its route, or take another with \`pds handle <name>\`.`,
          ]
        : []),
      `Apps that are signed in go on at the old name until they look the DID up again. Keep ${previous.join(' and ') || 'the old name'} for some weeks;`,
      'then remove its route and PREVIOUS_HOSTNAMES, and deploy. The next owner of a name that you gave up gets what is still sent there.',
      'Migration tokens of the old name are refused: mint another one.',
      ...(kept ? [`${basename(kept.file)} has the new name, too: copy it off this machine again.`] : []),
    ]
    out.result(
      { ok: true, step: 'done', host, pds: done.pds, previous, changes: done.changes },
      text.join('\n'),
    )
    return EXIT.ok
  },
})
