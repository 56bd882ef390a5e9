import { fork } from 'node:child_process'
import { join } from 'node:path'
import { createHash } from 'node:crypto'
import { parseCid } from '@atproto/lex-data'
import { png } from '../../dev/png.ts'
import { cidText } from '../../src/repo/cid.ts'
import type { Move, Said } from '../move/mover.ts'
import { carOf, plant, recordOf, type Tree } from '../data.ts'
import { call, json } from '../http.ts'
import { mapValues, MiB, rowOf, type RowHead, type Stand } from '../row.ts'
import { type Kind, type Server, startServer } from '../servers.ts'
import { verifyExport } from '../verify.ts'
import { post, setActive } from './fill.ts'

interface Moving extends Pick<Stand, 'add' | 'progress'> {
  readonly plcUrl: string
}

const name = 'move'
const UPLOAD_BLOB = 'com.atproto.repo.uploadBlob'
const RECORDS = 10_000
const BLOBS = 1000
/** An account is filled for each mover and direction, so that a run of this takes minutes. */
const ROUNDS = 1

/** What a request takes besides, where the servers are not on this machine. */
const NETWORK_MS = 20
const away = (delayMs: number): string => (delayMs === 0 ? '' : `, ${delayMs} ms away`)

interface Picture {
  readonly cid: string
  readonly bytes: Uint8Array
}

type Taken = Extract<Said, { ms: number }>

const pictureOf = (seed: number): Picture => {
  const bytes = png(seed, 128, 96)
  const digest = createHash('sha256').update(bytes).digest()
  return { bytes, cid: cidText(new Uint8Array([1, 0x55, 0x12, 0x20, ...digest])) }
}

/** 10,000 records, a tenth of which are posts with a picture each. */
const accountOf = (pictures: readonly Picture[]): Tree => {
  const plain = Array.from({ length: RECORDS - BLOBS }, (_, n) => recordOf(n))
  const posts = pictures.map(({ cid, bytes }, n) => {
    const { rkey, value } = recordOf(RECORDS + n * 6 + 2)
    const image = { $type: 'blob', ref: parseCid(cid), mimeType: 'image/png', size: bytes.length }
    const embed = { $type: 'app.bsky.embed.images', images: [{ alt: '', image }] }
    return { collection: 'app.bsky.feed.post', rkey, value: { ...value, embed } }
  })
  return plant([...plain, ...posts])
}

/** One at a time: the reference answers some of several at once with 500, as its database is locked. */
const upload = async ({ url, token }: Server, pictures: readonly Picture[]): Promise<void> => {
  for (const { cid, bytes } of pictures) {
    const { blob } = json(await call(url, UPLOAD_BLOB, { body: bytes, type: 'image/png', token }))
    const { $link } = Object(Object(blob).ref)
    if ($link !== cid) throw new Error(`${cid} came out as ${$link}`)
  }
}

/** Moves the account in a process of its own, and gives what that took. */
const runMover = (move: Move, codeOf: () => Promise<string>): Promise<Taken> =>
  new Promise((resolve, reject) => {
    const child = fork(join(import.meta.dirname, '../move/mover.ts'), {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    child.on('error', reject)
    child.on('exit', (status) => reject(new Error(`the mover ended with ${status}`)))
    child.on('message', (said: Said) => {
      if ('asks' in said) void codeOf().then((code) => child.send(code), reject)
      else if ('failed' in said) reject(new Error(`${move.mover}: ${said.failed}`))
      else resolve(said)
    })
    child.send(move)
  })

/** An account of 10,000 records and 1,000 pictures moves to a reference PDS: by our engine, and by the usual calls. */
export const move = async ({ plcUrl, add, progress }: Moving): Promise<void> => {
  const pictures = Array.from({ length: BLOBS }, (_, n) => pictureOf(n))
  const tree = accountOf(pictures)

  const once = async (kind: Kind, delayMs: number, mover: Move['mover'], round: number): Promise<Taken> => {
    const say = (what: string) =>
      progress(`${kind} to reference${away(delayMs)}, ${mover}, ${round + 1} of ${ROUNDS}: ${what}`)
    say('filling the account')
    const source = await startServer(kind, plcUrl)
    const target = await startServer('reference', plcUrl, { handle: 'carol.test' })
    try {
      await setActive(source, false)
      await post(source, await carOf(tree, source.did, source.signingKey))
      await upload(source, pictures)
      await setActive(source, true)
      say('moving')
      const { did, url, handle, password, adminPassword } = source
      const taken = await runMover(
        {
          ...{ mover, did, handle, password, delayMs, plcUrl },
          ...{ source: { kind, url, adminPassword }, target: target.url },
        },
        () => source.plcCode(),
      )
      say('looking')
      // Until its next write the target keeps the commit that the source signed.
      const moved = { ...target, did, didKey: source.didKey }
      const { body } = await call(target.url, 'com.atproto.sync.getRepo', { params: { did } })
      await verifyExport(moved, body, RECORDS)
      for (const { cid, bytes } of [pictures[0], pictures.at(-1)].flatMap((one) => one ?? [])) {
        const blob = await call(target.url, 'com.atproto.sync.getBlob', { params: { did, cid } })
        if (!blob.body.equals(bytes)) throw new Error(`${mover}: the blob ${cid} is another one`)
      }
      return taken
    } finally {
      await source.close()
      await target.close()
    }
  }

  for (const [kind, delayMs] of [
    ['reference', 0],
    ['cirrus', 0],
    ['reference', NETWORK_MS],
  ] as const) {
    const taken = new Map<Kind, Taken[]>([
      ['cirrus', []],
      ['reference', []],
    ])
    for (let round = 0; round < ROUNDS; round++)
      for (const mover of round % 2 === 0 ? (['engine', 'plain'] as const) : (['plain', 'engine'] as const))
        taken.get(mover === 'engine' ? 'cirrus' : 'reference')?.push(await once(kind, delayMs, mover, round))
    const row = (measure: string, unit: string, value: (of: Taken) => number): void => {
      const head: RowHead = {
        name,
        size: RECORDS,
        measure: `move, ${kind === 'cirrus' ? 'Cirrus' : 'reference'} to reference${away(delayMs)}: ${measure}`,
        unit,
        better: 'lower',
      }
      add(rowOf(head, mapValues(taken, value)))
    }
    row('time', 's', ({ ms }) => ms / 1000)
    row('requests', 'requests', ({ requests }) => requests)
    row('uploads of blobs', 'requests', ({ uploads }) => uploads)
    row('sent', 'MB', ({ bytesSent }) => bytesSent / 1e6)
    row('memory of the mover above its start', 'MiB', ({ before, peak }) => (peak - before) / MiB)
  }
}
