#!/bin/sh
# One database for each part, with the role that owns it and the role that serves requests: what
# `govblocks up` does in stack.postgres.provision. The postgres image runs this once, on an empty
# volume; running it again changes nothing but the passwords:
#   docker compose exec postgres sh /docker-entrypoint-initdb.d/10-databases.sh
set -eu

secret() { # the value of a variable by its name, which must not be empty
  value=$(printenv "$1") && [ -n "$value" ] || { echo "$1 is not set" >&2; exit 1; }
  printf %s "$value"
}

ask() { # psql as the administrator, on the database named first
  database=$1; shift
  PGPASSWORD=${PGPASSWORD:-$POSTGRES_PASSWORD} psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 \
    --username "${POSTGRES_USER:-postgres}" --dbname "$database" "$@"
}

for part in gateway registry consent messaging catalogue; do
  upper=$(printf %s "$part" | tr '[:lower:]' '[:upper:]')
  OWNER_PASSWORD=$(secret "${upper}_OWNER_PASSWORD")
  RUNTIME_PASSWORD=$(secret "${upper}_RUNTIME_PASSWORD")
  export OWNER_PASSWORD RUNTIME_PASSWORD # psql reads them itself: no password on a command line
  name=govblocks_$part

  ask postgres --set name="$name" --set owner="${name}_owner" --set runtime="${name}_runtime" <<'SQL'
\getenv owner_password OWNER_PASSWORD
\getenv runtime_password RUNTIME_PASSWORD
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
SELECT format('CREATE ROLE %I LOGIN', role) FROM unnest(ARRAY[:'owner', :'runtime']) AS role
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) \gexec
ALTER ROLE :"owner" PASSWORD :'owner_password';
ALTER ROLE :"runtime" PASSWORD :'runtime_password';
SELECT format('CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING ''UTF8'' '
              'LOCALE_PROVIDER builtin BUILTIN_LOCALE ''C.UTF-8''', :'name', :'owner')
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
SQL

  ask "$name" --set name="$name" --set owner="${name}_owner" --set runtime="${name}_runtime" <<'SQL'
SET client_min_messages = 'warning';
SET ROLE :"owner";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"name" TO :"owner", :"runtime";
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO :"runtime";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner"
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :"runtime";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" GRANT USAGE ON SEQUENCES TO :"runtime";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" GRANT EXECUTE ON FUNCTIONS TO :"runtime";
CREATE SCHEMA IF NOT EXISTS numbers;
GRANT CREATE, USAGE ON SCHEMA numbers TO :"runtime";
SQL
done
