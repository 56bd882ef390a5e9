import { subscribeRepos } from '../../client/subscribe.ts'
import { worst } from '../../mover/check.ts'
import { rehearseTarget as rehearse } from '../../mover/rehearseTarget/rehearseTarget.ts'
import { TARGET_CHECKS } from '../../mover/rehearseTarget/targetChecks.ts'
import type { Finding } from '../../mover/rehearseTarget/types.ts'
import { command } from '../command.ts'
import { EXIT } from '../exit.ts'
import { CliError } from '../errors.ts'
import { moverDeps } from '../move/moveContext.ts'
import { isLoopback, parseHost } from '../project/config.ts'
import { checkLines } from '../terminal/checkLines.ts'
import type { Paint } from '../terminal/output.ts'

/** What was found, and below what is not as expected, what was. */
const findingLines = (findings: readonly Finding[], paint: Paint): string => {
  const width = Math.max(...findings.map(({ id }) => id.length))
  return findings
    .map((finding) =>
      finding.level === 'pass'
        ? checkLines([finding], paint, width)
        : `${checkLines([finding], paint, width)}\n  ${' '.repeat(width)}  ${paint('bold', 'Expected:')} ${finding.expected} (${finding.source})`,
    )
    .join('\n')
}

const count = (findings: readonly { level: string }[], level: string): number =>
  findings.filter((finding) => finding.level === level).length

export const rehearseTarget = command({
  name: 'rehearse-target',
  summary: 'For authors of PDSes: move a made-up account to a server, and say what the server got wrong.',
  description:
    'It makes a did:plc, with keys of its own, in the directory that the server uses; it is on no other server. Then it does\n' +
    'what a mover does, and more: wrong tokens, broken repositories, odd blobs, activation too early; the events, the\n' +
    'repository as it is served, and leaving again. An invite code is read from PDS_INVITE_CODE. Afterwards the account is\n' +
    'deactivated, and the DID names no server; both stay. Exit code 3 if something is wrong.',
  positionals: [
    { name: 'url', help: 'The server, such as https://pds.example.com or http://localhost:3000.' },
  ],
  flags: {
    plc: { type: 'string', hint: 'url', help: 'The PLC directory that the server uses. Required.' },
    handle: {
      type: 'string',
      hint: 'handle',
      help: 'Handle of the account. Default: a made-up name below the server’s first domain.',
    },
  },
  examples: [
    'pds rehearse-target http://localhost:3000 --plc http://localhost:2582',
    'pds rehearse-target https://staging.example.com --plc https://plc.staging.example.com --yes --json',
  ],
  async run({ io, out, prompts }, flags, [url]) {
    const target = parseHost(url, 'the server')
    if (flags.plc === undefined)
      throw new CliError('usage', 'pds rehearse-target needs --plc: the PLC directory that the server uses', {
        next: 'give the one of your test environment; what is registered there stays',
      })
    const plcUrl = parseHost(flags.plc, '--plc')
    await prompts.confirm(`Register a made-up DID at ${plcUrl}, and make an account at ${target}? Both stay.`)
    const dev = isLoopback(target) || isLoopback(plcUrl)
    const deps = {
      ...moverDeps({ io }, { directoryUrl: plcUrl, dev }),
      events: (origin: string, signal: AbortSignal) => subscribeRepos(origin, { signal }),
    }
    const progress = out.progress('Checks')
    let done = 0
    const { did, handle, findings, left } = await rehearse(deps, {
      target,
      handle: flags.handle,
      inviteCode: io.env['PDS_INVITE_CODE'] || undefined,
      onAccount: (made) => out.note(`The account is ${made.handle}, ${made.did}.`),
      onFinding: () => progress.to(++done, TARGET_CHECKS.length),
    })
    const [wrong, doubtful] = [count(findings, 'fail'), count(findings, 'warn')]
    const ok = worst(findings) !== 'fail'
    const text = [
      findingLines(findings, out.paint),
      '',
      out.paint(
        ok ? 'green' : 'red',
        `${findings.length} checks: ${wrong} wrong, ${doubtful} that deserve a look.`,
      ),
      'What is left:',
      ...left.map((line) => `  ${line}`),
    ]
    out.result({ ok, target, did, handle, findings, left }, text.join('\n'), ok ? undefined : 'target-fails')
    return ok ? EXIT.ok : EXIT.problems
  },
})
