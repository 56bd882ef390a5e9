import { outbound } from '../../outbound.ts'
import { createDirectory, type Directory } from '../../plc/directory.ts'
import type { Context } from '../command.ts'

/** The PLC directory that the command's server uses, asked from here and not through the server. */
export const plcDirectory = ({ io, address }: Pick<Context, 'io' | 'address'>): Directory => {
  const { dev, plcUrl } = address()
  return createDirectory(outbound({ fetch: io.fetch }, { dev }), plcUrl)
}
