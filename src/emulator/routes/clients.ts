import type { JsonObject } from '../../json';
import { notFound } from '../api-error';
import type { Row } from '../collection';
import { answerList, readOffset } from '../paging';
import { projectRecord, readProjection } from '../projection';
import { CHECKPOINT, FIELDS, PAGE, type Values } from '../query-parameters';
import { viewClient } from '../views';
import { type Call, listOptions, type Route } from './route';
import { textOf } from '../text';

const READ_CLIENTS = ['read:clients', 'read:client_keys', 'read:client_credentials', 'read:client_summary'];

export const listClients: Route = {
  name: 'clients',
  path: '/clients',
  group: 'clients',
  scopes: READ_CLIENTS,
  parameters: {
    ...PAGE,
    per_page: {
      type: 'integer',
      least: 1,
      most: 100,
      about: 'Number of results per page. Default value is 50, maximum value is 100',
    },
    ...CHECKPOINT,
    ...FIELDS,
    is_global: { type: 'boolean', about: 'Optional filter on the global client parameter' },
    is_first_party: { type: 'boolean', about: 'Optional filter on whether or not a client is a first-party client' },
    app_type: { type: 'string', about: 'Optional filter by a comma-separated list of application types' },
  },
  answer(call, emulation) {
    const { query } = call;
    const rows = emulation.tenant.clients.rows.filter(({ record }) => isWanted(record, query));
    const view = ({ record }: Row): JsonObject => showClient(record, call);
    const body = answerList('clients', rows, view, query, listOptions(emulation, 'clients'));
    if (!Array.isArray(body)) return { body };
    return { body, headers: { link: writeLinks(call, rows.length, emulation.settings.pageCap) } };
  },
};

export const getClient: Route = {
  name: 'client',
  path: '/clients/:id',
  group: 'others',
  scopes: READ_CLIENTS,
  parameters: FIELDS,
  answer(call, { tenant }) {
    const client = tenant.clients.get(call.params['id'] ?? '');
    if (!client) throw notFound('The client does not exist', 'inexistent_client');
    return { body: showClient(client, call) };
  },
};

/** Auth0 returns `tenant` beside the fields that were named. */
function showClient(client: JsonObject, { query, scopes }: Call): JsonObject {
  const { fields, include } = readProjection(query);
  const named = include && fields.length > 0 ? [...fields, 'tenant'] : fields;
  return projectRecord(viewClient(client, scopes), { fields: named, include });
}

function isWanted(client: JsonObject, query: Values): boolean {
  const types = query['app_type'] === undefined ? undefined : String(query['app_type']).split(',');
  return (
    (query['is_global'] === undefined || client['global'] === query['is_global']) &&
    (query['is_first_party'] === undefined || client['is_first_party'] === query['is_first_party']) &&
    (types === undefined || types.includes(textOf(client['app_type'])))
  );
}

/** Pages beside this one. Auth0 writes these links with `http://`. */
function writeLinks({ query, link }: Call, count: number, pageCap: number | undefined): string {
  const { page, limit } = readOffset(query, pageCap);
  const last = Math.max(0, Math.ceil(count / limit) - 1);
  const relations = { first: 0, ...(page > 0 && { prev: page - 1 }), ...(page < last && { next: page + 1 }), last };
  const targets = Object.entries(relations).map(([relation, target]) => {
    const parameters = new URLSearchParams({ ...mapToText(query), page: String(target), per_page: String(limit) });
    return `<${link}?${parameters.toString()}>; rel="${relation}"`;
  });
  return targets.join(', ');
}

function mapToText(query: Values): Record<string, string> {
  return Object.fromEntries(Object.entries(query).map(([name, value]) => [name, String(value)]));
}
