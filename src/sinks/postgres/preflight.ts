import { streams } from '../../streams/registry';
import { openDatabase } from './connection';
import { DestinationRefused } from './explain-error';
import { quoteIdentifier } from './sql';

interface SchemaRights {
  version: string;
  encoding: string;
  temporary: boolean;
  make: boolean;
  /** Null: the schema is not there. */
  use: boolean | null;
  create: boolean | null;
  /** Tables of Rollcall's that belong to somebody else. */
  foreign: string[] | null;
}

/**
 * Looks whether a role may write to a schema, without changing anything; answers in a sentence.
 * @throws DestinationUnavailable, DestinationRefused
 */
export async function checkDatabase({ url, schema }: { url: string; schema: string }): Promise<string> {
  const database = openDatabase(url, schema);
  const { target } = database;
  const to = `TO ${quoteIdentifier(target.role)};`;
  const refuse = (what: string, nextStep: string): never => {
    throw new DestinationRefused(target.label, what, nextStep);
  };
  try {
    const rights = await database.runTransaction(async (tx) => {
      const { rows } = await tx.query<SchemaRights>(rightsQuery, [
        quoteIdentifier(schema),
        schema,
        streams.map(({ name }) => name),
      ]);
      return rows[0];
    });
    if (!rights) throw new Error('Postgres returned no row');
    const { version, encoding, temporary, make, use, create, foreign } = rights;
    const onDatabase = `ON DATABASE ${quoteIdentifier(target.database)} ${to}`;
    if (encoding !== 'UTF8') {
      refuse(`the database has the encoding ${encoding}`, "Create a database with ENCODING 'UTF8'.");
    }
    if (!temporary) refuse('the role cannot create temporary tables', `Run: GRANT TEMPORARY ${onDatabase}`);
    if (use === null && !make) refuse('the role cannot create the schema', `Run: GRANT CREATE ${onDatabase}`);
    if (use === false || create === false) {
      refuse(
        'the role cannot write to the schema',
        `Run: GRANT USAGE, CREATE ON SCHEMA ${quoteIdentifier(schema)} ${to}`,
      );
    }
    if (foreign) {
      const tables = foreign.join(', ');
      refuse(`another role owns the tables ${tables}`, `Change the owner: ALTER TABLE … OWNER ${to}`);
    }
    return `Postgres ${version} at ${target.label.replace(/,$/, '')} ${use === null ? 'can be made' : 'can be written'}.`;
  } finally {
    await database.close();
  }
}

const rightsQuery = `
  SELECT current_setting('server_version') AS version,
    current_setting('server_encoding') AS encoding,
    has_database_privilege(current_database(), 'TEMPORARY') AS temporary,
    has_database_privilege(current_database(), 'CREATE') AS make,
    has_schema_privilege(to_regnamespace($1)::oid, 'USAGE') AS use,
    has_schema_privilege(to_regnamespace($1)::oid, 'CREATE') AS create,
    (SELECT array_agg(c.relname::text ORDER BY c.relname)
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $2 AND c.relkind IN ('r', 'p') AND NOT pg_has_role(c.relowner, 'USAGE')
       AND (c.relname = ANY ($3::text[]) OR starts_with(c.relname::text, '_rollcall_'))) AS foreign`;
