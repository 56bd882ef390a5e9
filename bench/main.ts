/**
 * `npm run bench`: Cirrus beside the reference PDS, in one run, on the same machine and with the same records.
 * Progress goes to stderr, the table (or JSON) to stdout. Nothing here passes or fails by time; a wrong answer fails.
 */
import { parseArgs } from 'node:util'
import { startPlc } from '../dev/plc.ts'
import { requireReference } from '../test/interop/support/installed.ts'
import { hangUp } from './http.ts'
import { machine } from './machine.ts'
import { heading, table, type Report } from './report.ts'
import type { Row, Stand } from './row.ts'
import { again } from './rows/again.ts'
import { blob } from './rows/blob.ts'
import { fill } from './rows/fill.ts'
import { firehose } from './rows/firehose.ts'
import { getRepo } from './rows/getRepo.ts'
import { load } from './rows/load.ts'
import { move } from './rows/move.ts'
import { getRecord, listRecords } from './rows/read.ts'
import { oauth } from './rows/oauth.ts'
import { proxy } from './rows/proxy.ts'
import { restart } from './rows/restart.ts'
import { write } from './rows/write.ts'
import { save } from './save.ts'
import type { Kind } from './servers.ts'

/** Takes minutes, so only when it is asked for. */
const BY_NAME_ONLY = 'move'

/** Nothing of it depends on how many records there are. */
const WITHOUT_RECORDS = ['proxy', 'oauth', BY_NAME_ONLY]

const NAMES = [
  'importRepo',
  'getRepo',
  'getRecord',
  'listRecords',
  'createRecord',
  'applyWrites',
  'load',
  'firehose',
  'blob',
  'proxy',
  'oauth',
  'restart',
]

const USAGE = `Usage: npm run bench [-- <name>… --sizes 1k,10k --only cirrus|reference --json]

  <name>     what to measure, by default all: ${NAMES.join(', ')}
             and, only when it is named, ${BY_NAME_ONLY}: an account moves, which takes some minutes and needs the reference
  --sizes    how many records the repositories have: 1k,10k by default; 100k takes minutes, 1M is for Cirrus only
  --only     one of the two servers
  --json     the figures as JSON on stdout
  --save     write them into bench/README.md

The reference PDS must be installed (npm run interop:install), except with --only cirrus.
`

const readSize = (text: string): number => {
  const [, digits = '', unit = ''] = /^(\d+)([kM]?)$/.exec(text) ?? []
  const size = Number(digits) * (unit === 'M' ? 1_000_000 : unit === 'k' ? 1000 : 1)
  if (!(size > 0)) throw new Error(`not a size: ${text}`)
  return size
}

const isKind = (text: string): text is Kind => text === 'cirrus' || text === 'reference'

const readOptions = () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      sizes: { type: 'string', default: '1k,10k' },
      only: { type: 'string' },
      json: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const unknown = positionals.find((name) => name !== BY_NAME_ONLY && !NAMES.includes(name))
  if (unknown !== undefined) throw new Error(`there is no benchmark ${unknown}`)
  const { only, json, save, help } = values
  if (only !== undefined && !isKind(only)) throw new Error(`not a server: ${only}`)
  const kinds: Kind[] = only === undefined ? ['cirrus', 'reference'] : [only]
  const names = new Set(positionals.length > 0 ? positionals : NAMES)
  return { sizes: values.sizes.split(',').map(readSize), kinds, names, json, save, help }
}

const progress = (text: string): void => {
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[2K${text}` : `${text}\n`)
}

/** Larger repositories are measured on Cirrus only, because the reference holds the whole repository in memory. */
const REFERENCE_LIMIT = 200_000

const run = async ({ sizes, kinds, names }: ReturnType<typeof readOptions>): Promise<Row[]> => {
  const rows: Row[] = []
  const add = (row: Row) => void rows.push(row)
  const plc = await startPlc()
  try {
    if (names.has('proxy')) await proxy({ plcUrl: plc.url, kinds, add, progress })
    if (names.has('oauth')) await oauth({ plcUrl: plc.url, kinds, add, progress })
    if (names.has('move')) await move({ plcUrl: plc.url, add, progress })
    if ([...names].every((name) => WITHOUT_RECORDS.includes(name))) return rows
    for (const [index, size] of sizes.entries()) {
      const wanted = size > REFERENCE_LIMIT ? kinds.filter((kind) => kind === 'cirrus') : kinds
      const common = { size, add, progress }
      const repetitions = size <= 10_000 ? 3 : 1
      const measured = names.has('importRepo')
      const servers = await fill({
        ...common,
        plcUrl: plc.url,
        kinds: wanted,
        repetitions,
        measured,
        first: index === 0,
      })
      const stand: Stand = { ...common, servers }
      try {
        if (measured && size <= REFERENCE_LIMIT) await again(stand)
        if (names.has('getRecord')) await getRecord(stand)
        if (names.has('listRecords')) await listRecords(stand)
        if (names.has('getRepo')) await getRepo(stand)
        if (names.has('load')) await load(stand)
        if (names.has('createRecord') || names.has('applyWrites')) await write(stand, names)
        if (names.has('firehose')) await firehose(stand)
        if (names.has('blob') && index === 0) await blob(stand)
        if (names.has('restart') && index === sizes.length - 1) await restart(stand)
      } finally {
        for (const server of servers) await server.close()
      }
    }
  } finally {
    await plc.close()
    hangUp()
  }
  return rows
}

const main = async (): Promise<number> => {
  let options
  try {
    options = readOptions()
  } catch (cause) {
    process.stderr.write(`${cause instanceof Error ? cause.message : String(cause)}\n\n${USAGE}`)
    return 2
  }
  if (options.help) {
    process.stdout.write(USAGE)
    return 0
  }
  if (options.kinds.includes('reference')) {
    try {
      requireReference()
    } catch (cause) {
      process.stderr.write(
        `${cause instanceof Error ? cause.message : String(cause)}, or give --only cirrus\n`,
      )
      return 2
    }
  }
  const start = performance.now()
  const measuredOn = machine()
  const rows = await run(options)
  const seconds = Math.round((performance.now() - start) / 1000)
  const report: Report = { machine: measuredOn, seconds, rows }
  progress('')
  process.stdout.write(
    options.json
      ? `${JSON.stringify(report, null, 2)}
`
      : `${heading(report)}

${table(report)}
`,
  )
  if (options.save) save(report)
  return 0
}

process.exitCode = await main()
