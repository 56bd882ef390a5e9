import { MoverError } from '../../../src/mover/moverError.ts'
import type { MoveStore, StoredFile } from '../../../src/mover/moveStore.ts'

/** A store in memory, whose journal and files tests may look at. */
export interface MemoryStore extends MoveStore {
  readonly lines: string[]
  readonly files: Map<string, Uint8Array<ArrayBuffer>>
}

const openBytes = (bytes: Uint8Array<ArrayBuffer>): StoredFile => {
  let closed = false
  return {
    size: bytes.length,
    read: (offset, length) => bytes.subarray(offset, offset + length),
    async *stream() {
      yield bytes
    },
    blob: async () => new Blob([bytes]),
    close: () => {
      // As a file descriptor: a second close fails, or closes what another file has opened since.
      if (closed) throw new Error('the file is closed already')
      closed = true
    },
  }
}

export const memoryStore = (name = 'memory'): MemoryStore => {
  const lines: string[] = []
  const files = new Map<string, Uint8Array<ArrayBuffer>>()
  let holder: symbol | undefined
  let mine: symbol | undefined
  const assertHeld = () => {
    if (mine !== undefined && holder !== mine) throw new MoverError('another-mover', 'taken over')
  }
  return {
    name,
    lines,
    files,
    readLines: async () => [...lines],
    async appendLine(line) {
      assertHeld()
      lines.push(line)
    },
    async writeFile(file, body) {
      const chunks: Uint8Array[] = []
      for await (const chunk of body) chunks.push(chunk.slice())
      const bytes = new Uint8Array(Buffer.concat(chunks))
      files.set(file, bytes)
      return bytes.length
    },
    async openFile(file) {
      const bytes = files.get(file)
      return bytes && openBytes(bytes)
    },
    async lock(takeOver) {
      if (holder !== undefined) await takeOver({ name: 'another run of this test', idleMs: 0 })
      const id = (holder = mine = Symbol('lock'))
      return async () => {
        if (holder === id) holder = undefined
      }
    },
    touch: async () => assertHeld(),
    async clearFiles() {
      for (const name of files.keys()) if (name.endsWith('.car')) files.delete(name)
    },
  }
}
