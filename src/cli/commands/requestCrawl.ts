import { orServerError } from '../servers/serverErrors.ts'
import { command } from '../command.ts'
import { EXIT } from '../exit.ts'
import { CliError } from '../errors.ts'
import { table } from '../terminal/output.ts'

const relayOrigin = (text: string): string => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url && /^https?:$/.test(url.protocol)) return url.origin
  throw new CliError('usage', `--relay ${text} is not the URL of a relay`, {
    next: 'give it as https://relay.example',
  })
}

export const requestCrawl = command({
  name: 'request-crawl',
  summary: 'Ask relays to subscribe to this server now.',
  description:
    'Cirrus does this by itself after an activation and, at most every 20 minutes, after new commits.\nIt exits with 3 if a relay refuses.',
  flags: {
    relay: {
      type: 'string',
      hint: 'url',
      multiple: true,
      help: 'A relay, instead of the configured ones (RELAYS); may be repeated.',
    },
  },
  examples: ['pds request-crawl', 'pds request-crawl --relay https://relay.example'],
  async run({ admin, out }, { relay }) {
    const relays = relay.map(relayOrigin)
    const server = await admin()
    const { hostname, results } = await orServerError(
      server.com.cirrus.admin.requestCrawl(relays.length > 0 ? { relays } : {}),
      { AccountNotActive: 'account-not-active' },
    )
    const ok = results.every((result) => result.ok)
    const rows = results.map((result): [string, string] => [
      result.relay,
      result.ok ? out.paint('green', 'asked') : out.paint('red', result.error ?? 'it refused'),
    ])
    const text =
      results.length === 0
        ? 'No relay is configured (RELAYS), so none was asked. Name one with --relay.'
        : [`Asked to crawl ${hostname}:`, table(rows, out.paint)].join('\n')
    out.result({ ok, hostname, results }, text, ok ? undefined : 'crawl-refused')
    return ok ? EXIT.ok : EXIT.problems
  },
})
