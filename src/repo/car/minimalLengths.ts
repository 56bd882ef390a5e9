import { joinBytes } from '../../streams/joinBytes.ts'
import { SectionReader } from './sectionReader.ts'
import { varint } from './writeCar.ts'

/**
 * The same sections, each length in as few bytes as it needs: no hash covers it, and what is stored here goes out to readers
 * that take no other. The run itself where nothing is to be done, which is nearly always.
 */
export const minimalLengths = (run: Uint8Array): Uint8Array => {
  let isMinimal = true
  for (const sections = new SectionReader(run); isMinimal && sections.next();)
    isMinimal = run[sections.cidAt - 1] !== 0
  if (isMinimal) return run
  const pieces: Uint8Array[] = []
  for (const sections = new SectionReader(run); sections.next();)
    pieces.push(
      Uint8Array.from(varint(sections.end - sections.cidAt)),
      run.subarray(sections.cidAt, sections.end),
    )
  return joinBytes(pieces)
}
