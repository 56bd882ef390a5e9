import { command, type Context } from '../command.ts'
import { EXIT } from '../exit.ts'
import { readText } from '../files/files.ts'
import { missingSettings } from '../project/upgradeToml.ts'
import { checkAccount } from '../servers/accountChecks.ts'
import { type Check, ok, warn } from '../servers/check.ts'
import { checkNetwork, type KnownAccount } from '../servers/networkChecks.ts'
import { getStatus } from '../servers/status.ts'

const checkSettings = async ({ project, address }: Context): Promise<Check[]> => {
  if (!project || !address().isProjectServer) return []
  const { tomlFile } = project
  const missing = missingSettings((await readText(tomlFile)) ?? '', tomlFile)
  return missing.length === 0
    ? [ok('wrangler.toml', 'has what this version needs')]
    : [
        warn(
          'wrangler.toml',
          `lacks ${missing.map(({ what }) => what).join('; ')}`,
          '`npx pds upgrade`, then deploy',
        ),
      ]
}

/** The account of wrangler.toml, or of the server of `npm run dev`. */
const knownAccount = ({ project, address }: Context): KnownAccount | undefined => {
  const { isProjectServer, isDevServer } = address()
  if (isDevServer && project?.devServer) return project.devServer
  const { DID: did, HANDLE: handle } = project?.vars ?? {}
  return isProjectServer && did && handle ? { did, handle } : undefined
}

const SIGNS = { ok: '✓', warn: '!', fail: '✗' } as const
const COLOURS = { ok: 'green', warn: 'yellow', fail: 'red' } as const

export const doctor = command({
  name: 'doctor',
  summary: 'Check everything that an account needs, from DNS to relays, and say what to do.',
  description:
    'It changes nothing. Exit code 3 if something fails; what only deserves a look does not count.',
  examples: ['pds doctor', 'pds doctor --json'],
  async run(context) {
    const { io, out, address } = context
    const server = await context.admin()
    const handleNow = getStatus(server).then(
      ({ handle }) => handle,
      () => undefined,
    )
    const checks = (
      await Promise.all([
        checkSettings(context),
        checkNetwork(io, address(), knownAccount(context), handleNow),
        checkAccount(server, address().origin),
      ])
    ).flat()
    const failed = checks.some(({ state }) => state === 'fail')
    const width = Math.max(...checks.map(({ name }) => name.length))
    const text = checks.map(({ name, state, message, next }) =>
      [
        `${out.paint(COLOURS[state], SIGNS[state])} ${name.padEnd(width)}  ${message.replaceAll('\n', ' ')}`,
        ...(next ? [`  ${' '.repeat(width)}  ${out.paint('bold', 'Next:')} ${next}`] : []),
      ].join('\n'),
    )
    out.result({ ok: !failed, checks }, text.join('\n'), failed ? 'check-list-failed' : undefined)
    return failed ? EXIT.problems : EXIT.ok
  },
})
