import { argumentName } from '../terminal/args.ts'
import { columns, flagRows } from '../terminal/help.ts'
import type { Paint } from '../terminal/output.ts'
import { FLAGS, POSITIONALS } from './flags.ts'

const EXAMPLES = [
  'pds-contract pds.example.com',
  'pds-contract http://localhost:2583 --profile target --html report.html',
  'pds-contract pds.example.com --only com.atproto.sync --strict --json',
  'CONTRACT_PASSWORD=… pds-contract http://localhost:2583 --write --identifier test.example.com',
  'pds-contract http://localhost:2583 --plc http://localhost:2582 --write --throw-away --email you@example.com --mail',
]

/** What `pds-contract --help` prints. */
export const helpText = (paint: Paint): string =>
  [
    `${paint('bold', 'Usage')}  pds-contract <url> [flags]`,
    '',
    'Tells a PDS, any PDS, what it gets wrong: by the lexicons, the specifications, and what clients depend on. Without',
    '--write it sends anonymous reads and requests that must be refused: it changes nothing. Without --mail no mail is sent.',
    '',
    columns([...POSITIONALS.map((it) => [argumentName(it), it.help] as const), ...flagRows(FLAGS)], paint),
    '',
    'Environment: CONTRACT_PASSWORD, the account’s password; ADMIN_PASSWORD, the admin password of a Cirrus (with',
    'ADMIN_PASSWORD_HOST, the host that it is for, unless that is this machine).',
    '',
    'Exit codes: 0 nothing is broken of level must (--strict: and should; --house: and house); 1 failed, or not tried to its',
    'end; 2 wrong command line; 3 something is broken; 4 a password or code is missing; 130 interrupted.',
    '',
    paint('bold', 'Examples'),
    ...EXAMPLES.map((line) => `  ${line}`),
    '',
    'Every rule, its level and its source: docs/contract.md, or --list-rules.',
  ].join('\n')
