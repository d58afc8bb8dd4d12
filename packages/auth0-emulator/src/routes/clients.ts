import { type JsonObject, toText } from '../json';
import { createNotFoundError } from '../api-error';
import type { CollectionRow } from '../data/entity-collection';
import { buildListResponse, parseOffsetPage } from '../query/paging';
import { checkpointParameters, fieldsParameters, pageParameters, type QueryValues } from '../query/query-parameters';
import { projectRecord, readProjection, viewClient } from '../query/views';
import { createListOptions, type Route, type RouteRequest } from './route';

const readClients = ['read:clients', 'read:client_keys', 'read:client_credentials', 'read:client_summary'];

export const listClientsRoute: Route = {
  name: 'clients',
  path: '/clients',
  group: 'clients',
  scopes: readClients,
  parameters: {
    ...pageParameters,
    per_page: {
      type: 'integer',
      min: 1,
      max: 100,
      description: 'Number of results per page. Default value is 50, maximum value is 100',
    },
    ...checkpointParameters,
    ...fieldsParameters,
    is_global: { type: 'boolean', description: 'Optional filter on the global client parameter' },
    is_first_party: {
      type: 'boolean',
      description: 'Optional filter on whether or not a client is a first-party client',
    },
    app_type: { type: 'string', description: 'Optional filter by a comma-separated list of application types' },
  },
  handle(call, emulation) {
    const { query } = call;
    const rows = emulation.tenant.clients.rows.filter(({ record }) => matchesFilters(record, query));
    const toRecord = ({ record }: CollectionRow): JsonObject => projectClient(record, call);
    const options = createListOptions(emulation, 'clients');
    const body = buildListResponse({ name: 'clients', rows, toRecord }, query, options);
    if (!Array.isArray(body)) return { body };
    return { body, headers: { link: formatLinkHeader(call, rows.length, emulation.settings.pageCap) } };
  },
};

export const getClientRoute: Route = {
  name: 'client',
  path: '/clients/:id',
  group: 'others',
  scopes: readClients,
  parameters: fieldsParameters,
  handle(call, { tenant }) {
    const client = tenant.clients.get(call.params['id'] ?? '');
    if (!client) throw createNotFoundError('The client does not exist', 'inexistent_client');
    return { body: projectClient(client, call) };
  },
};

/** Auth0 returns `tenant` in addition to the requested fields. */
function projectClient(client: JsonObject, { query, scopes }: RouteRequest): JsonObject {
  const { fields, include } = readProjection(query);
  const named = include && fields.length > 0 ? [...fields, 'tenant'] : fields;
  return projectRecord(viewClient(client, scopes), { fields: named, include });
}

function matchesFilters(client: JsonObject, query: QueryValues): boolean {
  const types = query['app_type'] === undefined ? undefined : String(query['app_type']).split(',');
  return (
    (query['is_global'] === undefined || client['global'] === query['is_global']) &&
    (query['is_first_party'] === undefined || client['is_first_party'] === query['is_first_party']) &&
    (types === undefined || types.includes(toText(client['app_type'])))
  );
}

/** Links to the other pages. Auth0 writes them with `http://`. */
function formatLinkHeader({ query, link }: RouteRequest, count: number, pageCap: number | undefined): string {
  const { page, limit } = parseOffsetPage(query, pageCap);
  const last = Math.max(0, Math.ceil(count / limit) - 1);
  const relations = { first: 0, ...(page > 0 && { prev: page - 1 }), ...(page < last && { next: page + 1 }), last };
  const targets = Object.entries(relations).map(([relation, target]) => {
    const parameters = new URLSearchParams({
      ...formatQueryValues(query),
      page: String(target),
      per_page: String(limit),
    });
    return `<${link}?${parameters.toString()}>; rel="${relation}"`;
  });
  return targets.join(', ');
}

function formatQueryValues(query: QueryValues): Record<string, string> {
  return Object.fromEntries(Object.entries(query).map(([name, value]) => [name, String(value)]));
}
