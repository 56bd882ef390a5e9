import { closeSync, createReadStream, openSync, readSync, statSync } from 'node:fs'
import { type IndexedCar, indexCar } from '../repo/car/indexCar.ts'

/** Reads a CAR file once and checks every block's hash; its blocks can be read until it is closed. Throws CarError. */
export async function openCarFile(file: string): Promise<IndexedCar & { close(): void }> {
  const fd = openSync(file, 'r')
  const close = () => closeSync(fd)
  const read = (offset: number, length: number): Uint8Array => {
    const bytes = new Uint8Array(length)
    return bytes.subarray(0, readSync(fd, bytes, 0, length, offset))
  }
  try {
    const car = await indexCar({ size: statSync(file).size, read, stream: () => createReadStream(file) })
    return { ...car, close }
  } catch (cause) {
    close()
    throw cause
  }
}
