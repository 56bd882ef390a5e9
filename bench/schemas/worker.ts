import { DurableObject } from 'cloudflare:workers'
import { decodeCid } from '@atproto/lex-data'
import { Sql } from '../../src/account/db/sql.ts'
import type { Env } from '../../src/config.ts'
import { SectionReader } from '../../src/repo/car/sectionReader.ts'
import { walk } from '../../src/repo/tree/treeWalk.ts'
import { Packed } from './packed.ts'
import { Rows } from './rows.ts'
import type { Head } from './stream.ts'

/** An object for each schema, whose name begins with the schema's; a request is a step of the benchmark. */
export class AccountObject extends DurableObject<Env> {
  readonly #sql = new Sql(this.ctx.storage)
  #schema: Rows | Packed | undefined

  override async fetch(request: Request): Promise<Response> {
    const [, name = '', step = ''] = new URL(request.url).pathname.split('/')
    const body = new Uint8Array(await request.arrayBuffer())
    const length = new DataView(body.buffer).getUint32(0)
    const head: Head = JSON.parse(new TextDecoder().decode(body.subarray(4, 4 + length)))
    const sections = body.subarray(4 + length)
    const sql = this.#sql
    const schema = (this.#schema ??= name.startsWith('C')
      ? new Packed(sql)
      : new Rows(sql, name.startsWith('A')))
    const before = sql.written
    const run = {
      // The cost of a request itself, which is subtracted.
      nothing: () => {
        for (const reader = new SectionReader(sections); reader.next();)
          decodeCid(sections.slice(reader.cidAt, reader.blockAt))
      },
      load: () => sql.transaction(() => schema.load(head, sections)),
      commit: () => sql.transaction(() => schema.commit(head, sections)),
      read: () => {
        for (const cid of head.cids ?? []) if (!schema.readCold(Buffer.from(cid, 'hex'))) throw new Error(cid)
      },
      walk: () => {
        for (const _ of walk(decodeCid(Buffer.from(head.data, 'hex')), (cid) => schema.read(cid)));
      },
      scan: () => schema.scan(),
      export: () => schema instanceof Packed && schema.export(head),
      index: () => schema instanceof Packed && schema.index(),
      pack: () => schema instanceof Packed && schema.pack(),
      collect: () => schema.collect(),
    }[step]
    if (!run) return new Response(`no step ${step}`, { status: 400 })
    run()
    return Response.json({ rows: sql.written - before, bytes: sql.databaseSize })
  }
}

export default {
  fetch: (request: Request, env: Env): Promise<Response> =>
    env.ACCOUNT.getByName(new URL(request.url).pathname.split('/')[1] ?? '').fetch(request),
} satisfies ExportedHandler<Env>
