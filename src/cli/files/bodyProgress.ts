import type { Progress } from '../terminal/output.ts'

/** Passes a body on and shows how much of it has arrived. `total` and `done` are bytes; `done` had arrived before. */
export async function* bodyProgress(
  body: AsyncIterable<Uint8Array>,
  progress: Progress,
  { total, done = 0 }: { total: number | undefined; done?: number },
): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    progress.to((done += chunk.byteLength), total)
    yield chunk
  }
}
