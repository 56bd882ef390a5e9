import { parseArgs } from 'node:util'
import { report } from './report.ts'
import { failures, runContract } from './run.ts'

const USAGE =
  'Usage: npm run test:contract -- --url <origin> [--did <did>] [--json] [--write --identifier <handle or did>]'

/**
 * Runs `npm run test:contract -- --url https://pds.example [--did did] [--json] [--write --identifier name]`. Passwords
 * come from the environment: CONTRACT_PASSWORD for the account, ADMIN_PASSWORD for the admin.
 */
export async function main(
  args: string[],
  env: Record<string, string | undefined>,
  out: (text: string) => void,
): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      url: { type: 'string' },
      did: { type: 'string' },
      identifier: { type: 'string' },
      write: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  })
  const { url, did, identifier, write, json } = values
  if (url === undefined) {
    out(USAGE)
    return 2
  }
  const password = env.CONTRACT_PASSWORD
  if (write && (identifier === undefined || password === undefined)) {
    out(`--write needs --identifier, and CONTRACT_PASSWORD in the environment.\n${USAGE}`)
    return 2
  }
  const findings = await runContract({
    url,
    ...(did === undefined ? {} : { did }),
    write,
    ...(identifier === undefined || password === undefined
      ? {}
      : { credentials: { identifier, password, admin: env.ADMIN_PASSWORD || undefined } }),
  })
  out(json ? JSON.stringify(findings, null, 2) : report(findings))
  return failures(findings).length === 0 ? 0 : 1
}

if (import.meta.main)
  process.exitCode = await main(process.argv.slice(2), process.env, (text) => console.log(text))
