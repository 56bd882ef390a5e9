// What a move keeps on the disk, where a server says which account it is for.
import { appendFile, mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { moveFolder } from '../../src/cli/move/moveContext.ts'
import { folderStore } from '../../src/mover/folderStore.ts'
import { openJournal } from '../../src/mover/journal.ts'
import { folder } from '../cli/support.ts'

const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const now = () => Date.now()
const noTakeOver = async () => {
  throw new Error('asked')
}
async function* bodyOf(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text)
}

describe('the folder of a move', () => {
  it('is for one server and one account', () => {
    const folders = [
      moveFolder('/root', 'https://pds.example.com', did),
      moveFolder('/root', 'https://pds.example.com:8443', did),
      moveFolder('/root', 'http://localhost:2583', did),
      moveFolder('/root', 'https://pds.example.com', 'did:web:pds.example.com'),
    ]
    expect(new Set(folders).size).toBe(4)
  })

  it.for(['..', '.', '../..', '/', ''])('stays below its own one where the account is called %j', (name) => {
    expect(moveFolder('/root', 'https://pds.example.com', name)).toMatch(/^\/root\/\.pds-move\/[^/]+\/[^/]+$/)
    expect(moveFolder('/root', 'https://pds.example.com', name)).not.toMatch(/\/\.\.?(\/|$)/)
  })

  it('can be read by its owner only, with everything in it', async () => {
    await using here = await folder()
    const store = await folderStore(here.in('move'), now)
    const release = await store.lock(noTakeOver)
    await store.appendLine('{"type":"adopted"}')
    await store.writeFile('repo.car', bodyOf('car'))
    const modes = await Promise.all(
      ['.', 'journal.jsonl', 'lock.json', 'repo.car'].map(
        async (name) => (await stat(join(here.in('move'), name))).mode & 0o777,
      ),
    )
    expect(modes).toEqual([0o700, 0o600, 0o600, 0o600])
    await release()
    expect(await readdir(here.in('move'))).toEqual(['journal.jsonl', 'repo.car'])
    await store.clearFiles()
    expect(await readdir(here.in('move'))).toEqual(['journal.jsonl'])
  })

  it('leaves a file as it was while another one of its name arrives, or breaks off', async () => {
    await using here = await folder()
    const store = await folderStore(here.in('move'), now)
    await store.writeFile('repo.car', bodyOf('first'))
    const breaking = (async function* () {
      yield Buffer.from('second')
      throw new Error('the line was cut')
    })()
    await expect(store.writeFile('repo.car', breaking)).rejects.toThrow('the line was cut')
    expect(await readFile(here.in('move/repo.car'), 'utf8')).toBe('first')
    expect(await readdir(here.in('move'))).toEqual(['repo.car'])
    const file = await store.openFile('repo.car')
    expect(Buffer.from(file?.read(2, 100) ?? []).toString()).toBe('rst')
    expect(await (await file?.blob())?.text()).toBe('first')
    file?.close()
    expect(await store.openFile('other.car')).toBeUndefined()
    await expect(store.openFile('../journal.jsonl')).rejects.toThrow('not the name of a file')
  })
})

describe('the journal', () => {
  it('survives a line that was torn when the process died', async () => {
    await using here = await folder()
    const store = await folderStore(here.in('move'), now)
    const journal = await openJournal(store, now)
    await journal.append({ type: 'creating', handle: 'alice.test' })
    await appendFile(here.in('move/journal.jsonl'), '{"type":"not')
    const again = await openJournal(store, now)
    expect(again.state).toMatchObject({ made: true, handle: 'alice.test' })
    await again.append({ type: 'notCreated' })
    expect((await openJournal(store, now)).state).toMatchObject({ made: false })
  })

  it('takes nothing from a line that is not what it should be', async () => {
    await using here = await folder()
    await mkdir(here.in('move'))
    const lines = [
      '[]',
      'null',
      '{"type":"move","did":1}',
      '{"type":"signed","operation":{"type":"plc_operation"}}',
      '{"type":"leftBehind","names":[1]}',
      '{"type":"repository","root":"a"}',
      '{"type":"unheard-of"}',
    ]
    await writeFile(here.in('move/journal.jsonl'), lines.join('\n'))
    const { state } = await openJournal(await folderStore(here.in('move'), now), now)
    expect(state).toMatchObject({ move: undefined, signed: undefined, repository: undefined })
    expect(state.leftBehind.size).toBe(0)
  })
})

describe('the lock', () => {
  const held = async (lock: object, idleMs: number, path: string) => {
    await mkdir(path, { recursive: true })
    await writeFile(join(path, 'lock.json'), JSON.stringify(lock))
    const at = (now() - idleMs) / 1000
    await utimes(join(path, 'lock.json'), at, at)
  }

  it('is asked about while its holder may be running, with how long ago it made progress', async () => {
    await using here = await folder()
    await held({ id: 'x', pid: 1, machine: 'another' }, 5000, here.in('move'))
    const store = await folderStore(here.in('move'), now)
    const asked: { name: string; idleMs: number }[] = []
    await expect(
      store.lock(async (holder) => {
        asked.push(holder)
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    expect(asked[0]?.name).toBe('process 1 on another')
    expect(Math.round((asked[0]?.idleMs ?? 0) / 1000)).toBe(5)
    expect(await readFile(here.in('move/lock.json'), 'utf8')).toContain('another')
  })

  it('of a process that ended is taken without a question', async () => {
    await using here = await folder()
    await held({ id: 'x', pid: 2 ** 30, machine: hostname() }, 0, here.in('move'))
    const store = await folderStore(here.in('move'), now)
    const release = await store.lock(noTakeOver)
    await release()
    await writeFile(here.in('move/lock.json'), 'not a lock')
    await (
      await store.lock(noTakeOver)
    )()
  })

  it('stops the one from whom it was taken, before it writes anything', async () => {
    await using here = await folder()
    const [first, second] = [await folderStore(here.in('move'), now), await folderStore(here.in('move'), now)]
    const releaseFirst = await first.lock(noTakeOver)
    await first.appendLine('"first"')
    await second.lock(async () => {})
    await expect(first.appendLine('"late"')).rejects.toMatchObject({ code: 'another-mover' })
    await expect(first.touch()).rejects.toMatchObject({ code: 'another-mover' })
    await expect(first.writeFile('repo.car', bodyOf('late'))).rejects.toMatchObject({ code: 'another-mover' })
    await second.appendLine('"second"')
    expect(await second.readLines()).toEqual(['"first"', '"second"'])
    // It is the other one's now: what the first one gives up is not it.
    await releaseFirst()
    await second.touch()
  })
})
