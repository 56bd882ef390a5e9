/**
 * `npm run bench:schemas`: the cost of each schema of the store that was considered (docs/storage.md), all with the same
 * repository and the same commits. Progress goes to stderr, tables (or with --json all numbers) to stdout.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bundleWorker } from '../../dev/bundle.ts'
import { freePort } from '../../dev/port.ts'
import { startWorkerd } from '../../dev/workerd.ts'
import { call, hangUp, json } from '../http.ts'
import { machine } from '../machine.ts'
import { quantile } from '../measure.ts'
import { heading, sizeText } from '../report.ts'
import { type Action, message, type Stream, streamOf } from './stream.ts'

const SIZES = [10_000, 100_000]
const SEGMENT_KB = [16, 32, 64, 128, 256]
const SCHEMAS = ['A', 'B', 'C']
const times = (count: number, action: Action): Action[] => Array.from({ length: count }, () => action)
const PLAN = [
  ...times(500, 'create'),
  ...times(100, 'update'),
  ...times(100, 'delete'),
  ...times(300, 'create'),
]
/** The costs of these commits are reported; the others only fill the index. */
const MEASURED = 700
const INDEXED = [100, 500, 1000]
/** When everything is packed again: see src/account/blocks/packs/repack.ts. */
const commitsPerPack = (blocks: number) => Math.min(1000, Math.max(250, blocks / 100))

type Cells = Record<string, number | string>
const tables: Record<string, Cells[]> = {}
const add = (table: string, row: Cells) => void (tables[table] ??= []).push(row)
const progress = (text: string) => void process.stderr.write(`${text}\n`)

interface Step {
  rows: number
  bytes: number
  ms: number
}
type Run = (object: string, step: string, body?: Uint8Array) => Promise<Step>

/** The Worker in workerd, with segments of `segmentKb` KB. */
const withWorker = async (segmentKb: number, work: (run: Run) => Promise<void>): Promise<void> => {
  const { code, compatibilityDate } = await bundleWorker({ main: 'bench/schemas/worker.ts' })
  const cut = code.replace(/\bSEGMENT_BYTES = 64 \* 1024\b/, `SEGMENT_BYTES = ${segmentKb} * 1024`)
  if (segmentKb !== 64 && cut === code) throw new Error('the bundle has no SEGMENT_BYTES')
  const [port, state] = [await freePort(), await mkdtemp(join(tmpdir(), 'cirrus-'))]
  const bundle = { code: cut, compatibilityDate }
  const workerd = await startWorkerd({ bundle, port, env: {}, state, onLog: progress })
  try {
    await work(async (object, step, body = message({})) => {
      const answer = await call(`http://localhost:${port}`, `/${object}/${step}`, { body })
      const { rows, bytes } = json(answer)
      return { rows: Number(rows), bytes: Number(bytes), ms: answer.total }
    })
  } finally {
    await workerd.stop()
    await rm(state, { recursive: true, force: true })
  }
}

/** Milliseconds of a step, as the median of several, minus those of a request that only carries the same bytes. */
const timeOf = async (
  run: Run,
  object: string,
  step: string,
  body?: Uint8Array,
  repeat = 5,
): Promise<number> => {
  const [done, empty]: [number[], number[]] = [[], []]
  for (let n = 0; n < repeat; n++) {
    empty.push((await run(object, 'nothing', body)).ms)
    done.push((await run(object, step, body)).ms)
  }
  return quantile(done, 0.5) - quantile(empty, 0.5)
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
const READS = 400
const readsOf = ({ cids, whole }: Stream) => {
  const some = Array.from({ length: READS }, (_, n) => cids[(n * 104_729) % cids.length])
  return { reads: message({ cids: some }), root: message({ data: String(JSON.parse(headText(whole)).data) }) }
}
const headText = (whole: Buffer) => whole.toString('utf8', 4, 4 + whole.readUInt32BE(0))

const compare = async (run: Run, size: number, stream: Stream): Promise<void> => {
  const records = sizeText(size)
  const { reads, root } = readsOf(stream)
  const imported = new Map<string, Step>()
  for (const schema of SCHEMAS) {
    progress(`${schema}: ${records} records`)
    const object = `${schema}${size}`
    const { bytes: empty } = await run(object, 'nothing')
    const loads: Step[] = []
    for (const n of [1, 2, 3])
      loads.push(await run(n === 3 ? object : `${object}-${n}`, 'load', stream.whole))
    const [{ ms: sending }, step] = [await run(object, 'nothing', stream.whole), loads[2]]
    if (!step) continue
    imported.set(schema, step)
    add('An import', {
      ...{ records, schema, 'rows written': step.rows },
      'bytes per record': (step.bytes - empty) / size,
      ms:
        quantile(
          loads.map(({ ms }) => ms),
          0.5,
        ) - sending,
      'one block by CID, µs': (await timeOf(run, object, 'read', reads)) * (1000 / READS),
      'whole tree by CID, ms': await timeOf(run, object, 'walk', root, 3),
      'in the order of storage, ms': await timeOf(run, object, 'scan', root, 5),
      'as an export, ms': schema === 'C' ? await timeOf(run, object, 'export', root, 5) : '',
    })
  }
  await commits(run, size, stream, imported)
}

const commits = async (
  run: Run,
  size: number,
  stream: Stream,
  imported: Map<string, Step>,
): Promise<void> => {
  const records = sizeText(size)
  const steps = new Map(
    ['nothing', ...SCHEMAS].map((name): [string, (Step & { action: Action })[]] => [name, []]),
  )
  let n = 0
  let last: object = {}
  for await (const { action, body, head } of stream.commits()) {
    for (const [schema, done] of steps)
      if (schema === 'nothing') done.push({ action, ...(await run(`C${size}`, 'nothing', body)) })
      else if (schema === 'C' || n < MEASURED)
        done.push({ action, ...(await run(`${schema}${size}`, 'commit', body)) })
    last = { data: head.data }
    if (INDEXED.includes(++n))
      add('The index of the commit log', {
        records,
        commits: n,
        ms: await timeOf(run, `C${size}`, 'index', undefined, 9),
      })
    if (n % 100 === 0) progress(`${n} commits on ${records} records`)
  }
  const time = (done: readonly Step[]) =>
    quantile(
      done.slice(0, MEASURED).map(({ ms }) => ms),
      0.5,
    )
  const perCommit = new Map<string, number>()
  for (const schema of SCHEMAS) {
    const done = (steps.get(schema) ?? []).slice(0, MEASURED)
    const rows = (action: Action) =>
      mean(done.filter((step) => step.action === action).map((step) => step.rows))
    const bytes = (done.at(-1)?.bytes ?? 0) - (imported.get(schema)?.bytes ?? 0)
    const collected = schema === 'C' ? undefined : await run(`${schema}${size}`, 'collect')
    // Every commit row is deleted once.
    const later = collected ? collected.rows / MEASURED : 1
    perCommit.set(schema, mean(done.map((step) => step.rows)) + later)
    add('A commit', {
      ...{ records, schema, create: rows('create'), update: rows('update'), delete: rows('delete') },
      'deleted later': later,
      'bytes on disk': bytes / MEASURED,
      'after collection': collected ? (collected.bytes - (imported.get(schema)?.bytes ?? 0)) / MEASURED : '',
      ms: time(done) - time(steps.get('nothing') ?? []),
    })
  }
  const latest = message(last)
  const before = await timeOf(run, `C${size}`, 'export', latest)
  const packed = await run(`C${size}`, 'pack')
  const after = await timeOf(run, `C${size}`, 'export', latest)
  const collected = await run(`C${size}`, 'collect')
  // Without the commit rows, which `A commit` has.
  const old = collected.rows - PLAN.length
  const pack = packed.rows + old
  const growth = (collected.bytes - (imported.get('C')?.bytes ?? 0)) / PLAN.length
  add('A repack after 1,000 commits', {
    ...{
      records,
      'rows written': packed.rows,
      'rows deleted': old,
      'bytes per commit then': growth,
      ms: packed.ms,
    },
    ...{ 'an export before, ms': before, 'an export after, ms': after },
  })
  for (const daily of [20, 100, 500]) {
    const packs = Math.max(1, daily / commitsPerPack(stream.cids.length))
    const [a, b, c] = SCHEMAS.map((schema) => (perCommit.get(schema) ?? 0) * daily)
    const withPacks = (c ?? 0) + packs * pack
    add('Rows written in a day', {
      records,
      commits: daily,
      A: a ?? 0,
      B: b ?? 0,
      C: c ?? 0,
      packs,
      'C+': withPacks,
    })
  }
}

const segments = async (size: number, stream: Stream): Promise<void> => {
  const { reads, root } = readsOf(stream)
  for (const segmentKb of SEGMENT_KB)
    await withWorker(segmentKb, async (run) => {
      progress(`segments of ${segmentKb} KB, ${sizeText(size)} records`)
      const { rows } = await run('C', 'load', stream.whole)
      add('The size of a segment', {
        ...{ records: sizeText(size), KB: segmentKb, 'rows of an import': rows },
        'one block by CID, µs': (await timeOf(run, 'C', 'read', reads)) * (1000 / READS),
        'all in order, ms': await timeOf(run, 'C', 'export', root, 7),
      })
    })
}

const cell = (value: number | string | undefined) =>
  typeof value === 'number'
    ? Math.abs(value) < 20
      ? String(Number(value.toFixed(2)))
      : String(Math.round(value))
    : (value ?? '')

const [begin, stand] = [performance.now(), machine()]
const streams = new Map(SIZES.map((size) => [size, streamOf(size, PLAN)]))
await withWorker(64, async (run) => {
  for (const [size, stream] of streams) await compare(run, size, stream)
})
for (const [size, stream] of streams) await segments(size, stream)
hangUp()
const seconds = Math.round((performance.now() - begin) / 1000)
if (process.argv.includes('--json'))
  process.stdout.write(`${JSON.stringify({ machine: stand, tables }, null, 2)}\n`)
else {
  process.stdout.write(`${heading({ machine: stand, seconds })}\n\n`)
  for (const [name, rows] of Object.entries(tables)) {
    const heads = Object.keys(rows[0] ?? {})
    const lines = [heads, heads.map(() => '---:'), ...rows.map((row) => heads.map((head) => cell(row[head])))]
    process.stdout.write(`${name}\n\n${lines.map((line) => `| ${line.join(' | ')} |`).join('\n')}\n\n`)
  }
}
