/** The connection pool alone: the whole library would cost three times the start-up time and twice the memory. */
declare module 'undici/lib/dispatcher/pool.js' {
  import { Pool } from 'undici';
  export default Pool;
}
