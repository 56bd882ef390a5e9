import type { MoveStore, StoredFile } from '../../../src/mover/types.ts'

/** A store in memory, whose journal and files tests may look at. */
export interface MemoryStore extends MoveStore {
  readonly lines: string[]
  readonly files: Map<string, Uint8Array<ArrayBuffer>>
}

const openBytes = (bytes: Uint8Array<ArrayBuffer>): StoredFile => ({
  size: bytes.length,
  read: (offset, length) => bytes.subarray(offset, offset + length),
  async *stream() {
    yield bytes
  },
  blob: async () => new Blob([bytes]),
  close: () => {},
})

export const memoryStore = (name = 'memory'): MemoryStore => {
  const lines: string[] = []
  const files = new Map<string, Uint8Array<ArrayBuffer>>()
  return {
    name,
    lines,
    files,
    readLines: async () => [...lines],
    appendLine: async (line) => void lines.push(line),
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
    lock: async () => async () => {},
    touch: async () => {},
    clearFiles: async () => files.clear(),
  }
}
