import type { Auth0Client } from '../auth0/client';
import { FeatureNotInPlan, Gone, MissingScope } from '../auth0/errors';
import { endpoints, type Page } from '../auth0/request';
import { defined } from '../json';
import type { RolesSource } from '../streams/fetch-task';
import { listLackingScopes } from './check';
import { countUsers, type Estimate, requireTotal, type SendRequest } from './user-count';

/** The size of a tenant, as far as a few requests show it. Absent: not requested, or not readable. */
export interface ProbeResult {
  clients?: number;
  users?: Estimate;
  organizations?: number;
  /** Numbers of members of the sampled organizations, in the order of the list. */
  members: number[];
  /** Average number of roles per member; absent when no member was sampled. */
  rolesPerMember?: number;
  /** Roles of the tenant. */
  roles: number;
  /** Why streams cannot be read, by stream. */
  refused: Map<string, string>;
  /** Requests that the probe sent. */
  requests: number;
}

export interface ProbeOptions {
  /** Names of the selected streams. */
  streams: readonly string[];
  rolesSource: RolesSource;
  /** Users last changed before it are not counted; ISO 8601 with milliseconds. */
  startDate?: string;
}

/** Limit of the requests of a probe, retries not included. */
export const maxProbeRequests = 15;
const maxSampledOrganizations = 6;

const memberStream = 'organization_members';
const roleStream = 'organization_member_roles';

/**
 * Estimates what a full refresh of the streams reads. Streams that the token may not read are noted as refused. Throws the
 * client's error for all other failures.
 */
export async function probeTenant(client: Auth0Client, options: ProbeOptions): Promise<ProbeResult> {
  return new TenantProbe(client, options, await client.getScopes()).run();
}

class TenantProbe {
  private readonly refused = new Map<string, string>();
  private requests = 0;
  private readonly send: SendRequest = (request) => {
    this.requests += 1;
    return this.client.getPage(request);
  };

  constructor(
    private readonly client: Auth0Client,
    private readonly options: ProbeOptions,
    private readonly granted: readonly string[] | undefined,
  ) {}

  async run(): Promise<ProbeResult> {
    const { rolesSource, startDate } = this.options;
    const clients = await this.probe(['clients'], () => this.countList('clients', 'client_id'));
    const users = await this.probe(['users'], () => countUsers(this.send, startDate));
    const streams = ['organizations', memberStream, roleStream];
    const organizations = await this.probe(streams, () => this.listOrganizations());
    const roles = rolesSource === 'inline' && this.isReadable(roleStream) ? await this.countRoles() : 0;
    const sample = await this.sampleMembers(organizations?.ids ?? []);
    if (organizations?.ids.length === 0) {
      // There is no member list to request, but the token may show what it lacks.
      for (const stream of [memberStream, roleStream].filter((each) => this.isReadable(each))) {
        const scopes = listLackingScopes(stream, this.granted);
        if (scopes.length > 0) this.refuse(stream, scopes);
      }
    }
    const isRolesKnown = rolesSource === 'inline' && sample.members > 0;
    return {
      ...defined({ clients, users, organizations: organizations?.total }),
      ...(isRolesKnown && { rolesPerMember: sample.roles / sample.members }),
      members: sample.sizes,
      roles,
      refused: this.refused,
      requests: this.requests,
    };
  }

  private isReadable(stream: string): boolean {
    return this.options.streams.includes(stream) && !this.refused.has(stream);
  }

  /** Asks on behalf of several streams; undefined when none of them is selected, or the token may not read them. */
  private async probe<T>(streams: readonly string[], ask: () => Promise<T>): Promise<T | undefined> {
    const readable = streams.filter((stream) => this.isReadable(stream));
    if (readable.length === 0) return undefined;
    try {
      return await ask();
    } catch (error) {
      if (error instanceof MissingScope) {
        for (const stream of readable) this.refuse(stream, listLackingScopes(stream, this.granted, error));
      } else if (error instanceof FeatureNotInPlan) {
        for (const stream of readable) this.refused.set(stream, error.message);
      } else {
        throw error;
      }
      return undefined;
    }
  }

  private refuse(stream: string, scopes: readonly string[]): void {
    this.refused.set(stream, `the token lacks the scope ${scopes.join(' and ')}`);
  }

  private async countList(list: string, key: string): Promise<number> {
    const query = { page: 0, per_page: 1, include_totals: true, ...(list === 'clients' && { fields: key }) };
    return requireTotal(await this.send({ path: list, query, list, key }), `GET ${list}`);
  }

  /** Without the scope, a sync reads no role descriptions, and sends one request for them. */
  private async countRoles(): Promise<number> {
    try {
      return await this.countList('roles', 'id');
    } catch (error) {
      if (error instanceof MissingScope) return 0;
      throw error;
    }
  }

  /** The number of organizations, and the ids on the first page and on the last page that an offset reaches. */
  private async listOrganizations(): Promise<{ total: number; ids: string[] }> {
    const path = 'organizations';
    const readPage = (page: number): Promise<Page> =>
      this.send({ path, query: { page, per_page: 100, include_totals: true }, list: path, key: 'id' });
    const first = await readPage(0);
    const total = requireTotal(first, `GET ${path}`);
    const last = Math.min(10, Math.ceil(total / 100)) - 1;
    const rows = last > 0 ? [...first.rows, ...(await readPage(last)).rows] : first.rows;
    return { total, ids: rows.map(({ id }) => id as string) };
  }

  /** The number of members of each sampled organization, and the members and roles seen on the pages. */
  private async sampleMembers(
    organizations: readonly string[],
  ): Promise<{ sizes: number[]; members: number; roles: number }> {
    const sample = { sizes: [] as number[], members: 0, roles: 0 };
    const size = Math.min(maxSampledOrganizations, maxProbeRequests - this.requests);
    for (const organization of pickEvenly(organizations, size)) {
      if (this.requests >= maxProbeRequests) break;
      const page = await this.readMembers(organization);
      if (!page) continue;
      sample.sizes.push(requireTotal(page, 'GET organizations/{id}/members'));
      if (!this.isReadable(roleStream)) continue;
      sample.members += page.rows.length;
      for (const { roles } of page.rows) sample.roles += Array.isArray(roles) ? roles.length : 0;
    }
    return sample;
  }

  /** A page of members, with their roles if they are read inline; undefined when the organization was deleted meanwhile. */
  private async readMembers(organization: string): Promise<Page | undefined> {
    const read = (query: { fields: string; per_page: number }): Promise<Page> =>
      this.send(endpoints.members(organization, { page: 0, include_totals: true, ...query }));
    try {
      const page =
        this.options.rolesSource === 'inline'
          ? await this.probe([roleStream], () => read({ fields: 'user_id,roles', per_page: 100 }))
          : undefined;
      return page ?? (await this.probe([memberStream, roleStream], () => read({ fields: 'user_id', per_page: 1 })));
    } catch (error) {
      if (error instanceof Gone) return undefined;
      throw error;
    }
  }
}

/** At most `max` of the items, at equal distances. */
function pickEvenly<T>(items: readonly T[], max: number): T[] {
  const count = Math.min(items.length, max);
  return Array.from({ length: count }, (_, nth) => items[Math.floor(((nth + 0.5) * items.length) / count)] as T);
}
