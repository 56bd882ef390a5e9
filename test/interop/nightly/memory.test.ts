// Everything that passes a whole repository through memory, with a million records in half of the memory that there is.
import { describeLimited } from '../../memory/support/describeLimited.ts'

describeLimited(Number(process.env['NIGHTLY_MEMORY_RECORDS'] ?? 1_000_000), 64)
