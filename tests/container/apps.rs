//! Miniature apps: one for each way of installing, building and starting that the container files know.

use super::super::support::wizard::Wizard;

pub type Files = &'static [(&'static str, &'static str)];

/// A name and the files of an app.
pub struct App {
    pub name: &'static str,
    pub files: Files,
}

const REPLIT_NODE: &str = "modules = [\"nodejs-20\", \"postgresql-16\"]\n[deployment]\ndeploymentTarget = \"autoscale\"\nbuild = [\"npm\", \"run\", \"build\"]\nrun = [\"npm\", \"run\", \"start\"]\n[[ports]]\nlocalPort = 5000\nexternalPort = 80\n";

pub const APPS: &[App] = &[
    App {
        name: "vite-express",
        files: &[
            (".replit", REPLIT_NODE),
            (
                "package.json",
                r#"{"name":"rest-express","type":"module","scripts":{"build":"vite build && esbuild server/index.ts --packages=external --bundle --format=esm --outdir=dist","start":"NODE_ENV=production node dist/index.js","check":"tsc"},"dependencies":{"express":"4","pg":"8","bcrypt":"5"},"devDependencies":{"vite":"5","esbuild":"0.25"}}"#,
            ),
            ("package-lock.json", "{}"),
            ("server/index.ts", "import { serveStatic } from \"./vite\";\napp.listen(Number(process.env.PORT || 5000));\n"),
            ("server/vite.ts", "import { createServer } from \"vite\";\n"),
            ("server/db.ts", "new Pool({ connectionString: process.env.DATABASE_URL });\n"),
            ("client/src/main.ts", "const key = import.meta.env.VITE_MAPS_KEY;\n"),
        ],
    },
    App {
        name: "four-services",
        files: &[
            (".replit", "modules = [\"nodejs-20\"]\n[deployment]\nrun = [\"pnpm\", \"start\"]\n"),
            (
                "package.json",
                r#"{"name":"alva","packageManager":"pnpm@9.12.0","scripts":{"lint":"eslint .","test":"vitest","db:migrate":"drizzle-kit migrate"}}"#,
            ),
            ("pnpm-workspace.yaml", "packages:\n  - apps/*\n  - packages/*\n"),
            ("pnpm-lock.yaml", "lockfileVersion: '9.0'\n"),
            (
                "apps/web/package.json",
                r#"{"name":"@alva/web","scripts":{"build":"next build","start":"next start -p 3000"},"dependencies":{"next":"15"}}"#,
            ),
            ("apps/web/next.config.mjs", "export default {};\n"),
            ("apps/web/app/page.tsx", "const api = process.env.NEXT_PUBLIC_API_URL;\n"),
            (
                "apps/admin/package.json",
                r#"{"name":"@alva/admin","scripts":{"build":"next build","start":"next start -p 3003"},"dependencies":{"next":"15"}}"#,
            ),
            (
                "apps/api/package.json",
                r#"{"name":"@alva/api","scripts":{"build":"tsc","start":"node dist/index.js"},"dependencies":{"fastify":"5","bullmq":"5"}}"#,
            ),
            (
                "apps/api/src/index.ts",
                "app.get('/health', f);\nawait app.listen({ port: Number(process.env.PORT ?? 3001) });\nnew Redis(process.env.REDIS_URL);\nconst secret = process.env.JWT_SECRET!;\n",
            ),
            (
                "apps/auth/package.json",
                r#"{"name":"@alva/auth","scripts":{"build":"tsc","start":"node dist/index.js"},"dependencies":{"fastify":"5"}}"#,
            ),
            ("apps/auth/src/index.ts", "app.get('/health', f);\napp.listen({ port: 3002 });\n"),
            ("packages/db/package.json", r#"{"name":"@alva/db","scripts":{"build":"tsc"},"dependencies":{"pg":"8"}}"#),
            ("packages/db/src/index.ts", "new Pool({ connectionString: process.env.DATABASE_URL });\n"),
        ],
    },
    App {
        name: "nx-nest",
        files: &[
            ("nx.json", "{}"),
            (
                "package.json",
                r#"{"name":"dougust","engines":{"node":">=18"},"scripts":{"lint":"nx lint","test":"nx test"},"dependencies":{"@nestjs/core":"10","pg":"8"},"devDependencies":{"nx":"19"}}"#,
            ),
            ("package-lock.json", "{}"),
            (
                "apps/backend/project.json",
                r#"{"name":"backend","projectType":"application","targets":{"build":{"options":{"outputPath":"dist/apps/backend"}}}}"#,
            ),
            (
                "apps/backend/src/main.ts",
                "@Controller('health')\nawait app.listen(process.env.PORT || 3000);\nconst url = process.env.DATABASE_URL;\n",
            ),
        ],
    },
    App {
        name: "next-standalone",
        files: &[
            (
                "package.json",
                r#"{"name":"shop","scripts":{"build":"next build","start":"next start -p 5000"},"dependencies":{"next":"15","pg":"8","openai":"4"}}"#,
            ),
            ("package-lock.json", "{}"),
            ("next.config.ts", "export default { output: \"standalone\" };\n"),
            (
                "app/api/route.ts",
                "const openai = new OpenAI({ apiKey: process.env.OPENAI_API_KEY });\nconst url = process.env.DATABASE_URL!;\n",
            ),
            ("public/robots.xml", "<x/>"),
        ],
    },
    App {
        name: "next-migrates",
        files: &[
            (
                "package.json",
                r#"{"name":"shop","scripts":{"build":"next build","start":"next start -p 5000","db:migrate":"drizzle-kit migrate"},"dependencies":{"next":"15","pg":"8"},"devDependencies":{"drizzle-kit":"^0.31.4"}}"#,
            ),
            ("package-lock.json", "{}"),
            ("next.config.ts", "export default { output: \"standalone\" };\n"),
            ("drizzle.config.ts", "import { defineConfig } from \"drizzle-kit\";\n"),
            ("app/page.tsx", "const url = process.env.DATABASE_URL!;\n"),
        ],
    },
    App {
        name: "knex-pnpm",
        files: &[
            (
                "package.json",
                r#"{"name":"k","packageManager":"pnpm@10.4.1","scripts":{"build":"tsc","start":"node dist/index.js"},"dependencies":{"express":"5","pg":"8"},"devDependencies":{"knex":"3","typescript":"5"}}"#,
            ),
            ("pnpm-lock.yaml", "lockfileVersion: '9.0'\n"),
            ("knexfile.js", "export default { client: \"pg\" };\n"),
            ("index.html", "<title>Knitting \"for all\"</title>"),
            ("src/index.ts", "app.listen(process.env.PORT ?? 4000);\nconst url = process.env.DATABASE_URL;\n"),
        ],
    },
    App {
        name: "yarn-classic",
        files: &[
            (
                "package.json",
                r#"{"name":"y","scripts":{"build":"tsc","start":"node dist/index.js"},"dependencies":{"express":"5","@prisma/client":"6"}}"#,
            ),
            ("yarn.lock", ""),
            ("prisma/schema.prisma", "datasource db {\n  url = env(\"DATABASE_URL\")\n}\n"),
            ("src/index.ts", "app.listen(process.env.PORT ?? 4000);\n"),
        ],
    },
    App {
        name: "yarn-berry",
        files: &[
            (
                "package.json",
                r#"{"name":"yb","packageManager":"yarn@4.5.0","scripts":{"build":"tsc","start":"node dist/index.js"},"dependencies":{"express":"5"}}"#,
            ),
            ("yarn.lock", ""),
            (".yarnrc.yml", "nodeLinker: node-modules\n"),
            (".yarn/releases/yarn-4.5.0.cjs", "// yarn\n"),
            ("src/index.ts", "app.listen(4000);\n"),
        ],
    },
    App {
        name: "bun",
        files: &[
            ("package.json", r#"{"name":"b","scripts":{"start":"bun run src/index.ts"},"dependencies":{"hono":"4"}}"#),
            ("bun.lock", "{}"),
            ("src/index.ts", "export default { port: 3000, fetch: app.fetch };\n"),
        ],
    },
    App {
        name: "browser",
        files: &[
            (
                ".replit",
                "modules = [\"nodejs-20\"]\n[nix]\npackages = [\"chromium\", \"ffmpeg\", \"openssl\"]\n[deployment]\nrun = [\"node\", \"index.js\"]\n",
            ),
            (
                "package.json",
                r#"{"name":"pdf","scripts":{"postinstall":"node setup.js"},"dependencies":{"express":"5","puppeteer":"23","sharp":"0.33"}}"#,
            ),
            ("package-lock.json", "{}"),
            ("setup.js", "// reads the source\n"),
            ("index.js", "import puppeteer from \"puppeteer\";\napp.listen(process.env.PORT || 3000);\n"),
        ],
    },
    App {
        name: "intel-only",
        files: &[
            (".replit", "modules = [\"nodejs-24\"]\n[deployment]\nrouter = \"application\"\n[agent]\nstack = \"PNPM_WORKSPACE\"\n"),
            ("package.json", r#"{"name":"workspace","packageManager":"pnpm@10.4.1"}"#),
            ("pnpm-workspace.yaml", "packages: [artifacts/*, lib/*]\noverrides:\n  '@esbuild/linux-arm64': '-'\n"),
            ("pnpm-lock.yaml", "lockfileVersion: '9.0'\n"),
            (
                "artifacts/api-server/package.json",
                r#"{"name":"@w/api","scripts":{"build":"node build.mjs"},"dependencies":{"express":"5"}}"#,
            ),
            (
                "artifacts/api-server/.replit-artifact/artifact.toml",
                "kind = \"api\"\n[[services]]\nlocalPort = 8080\nname = \"API\"\npaths = [\"/api\"]\n[services.production.build]\nargs = [\"pnpm\", \"--filter\", \"@w/api\", \"run\", \"build\"]\n[services.production.run]\nargs = [\"node\", \"--enable-source-maps\", \"artifacts/api-server/dist/index.mjs\"]\n[services.production.health.startup]\npath = \"/api/healthz\"\n",
            ),
            ("artifacts/site/package.json", r#"{"name":"@w/site","scripts":{"build":"vite build"},"devDependencies":{"vite":"7"}}"#),
            (
                "artifacts/site/.replit-artifact/artifact.toml",
                "kind = \"web\"\n[[services]]\nlocalPort = 5173\nname = \"web\"\npaths = [\"/\"]\n[services.production]\nbuild = [\"pnpm\", \"run\", \"build\"]\npublicDir = \"dist/public\"\nserve = \"static\"\n",
            ),
            (
                "artifacts/site/vite.config.ts",
                "if (!process.env.PORT) throw new Error(\"PORT environment variable is required\");\nif (!process.env.BASE_PATH) throw new Error(\"BASE_PATH environment variable is required\");\n",
            ),
        ],
    },
    App {
        name: "queue-worker",
        files: &[
            ("package.json", r#"{"name":"w","scripts":{"build":"tsc","start":"node dist/worker.js"},"dependencies":{"bullmq":"5"}}"#),
            ("package-lock.json", "{}"),
            ("src/worker.ts", "new Worker('mail', f, { connection: new Redis(process.env.REDIS_URL!) });\n"),
        ],
    },
    App {
        name: "flask-uv",
        files: &[
            (
                ".replit",
                "modules = [\"python-3.11\"]\n[deployment]\ndeploymentTarget = \"autoscale\"\nrun = [\"gunicorn\", \"--bind\", \"0.0.0.0:5000\", \"main:app\"]\n",
            ),
            ("pyproject.toml", "[project]\nname = \"x\"\ndependencies = [\"flask>=3\", \"gunicorn\", \"psycopg2-binary\"]\n"),
            ("uv.lock", "version = 1\n"),
            (
                "main.py",
                "import os\nimport psycopg2\napp = Flask(__name__)\nurl = os.environ[\"DATABASE_URL\"]\nkey = os.environ.get(\"SESSION_SECRET\", \"dev\")\n",
            ),
        ],
    },
    App {
        name: "bot-kv",
        files: &[
            (".replit", "modules = [\"python-3.10\"]\n[deployment]\nrun = [\"python\", \"bot.py\"]\n"),
            ("pyproject.toml", "[project]\nname = \"bot\"\nrequires-python = \">=3.12,<3.14\"\ndependencies = [\"replit>=4\"]\n"),
            ("uv.lock", "version = 1\n"),
            ("bot.py", "from replit import db\ndb[\"a\"] = 1\n"),
        ],
    },
    App {
        name: "fastapi-poetry",
        files: &[
            (".replit", "modules = [\"python-3.12\"]\n[deployment]\nrun = [\"gunicorn\", \"main:app\", \"--bind\", \"0.0.0.0:8000\"]\n"),
            (
                "pyproject.toml",
                "[tool.poetry]\nname = \"x\"\n[tool.poetry.dependencies]\nfastapi = \"*\"\nuvicorn = \"*\"\npsycopg2 = \"*\"\n",
            ),
            ("poetry.lock", ""),
            ("main.py", "from fastapi import FastAPI\nimport psycopg2\napp = FastAPI()\n@app.get(\"/health\")\ndef health(): ...\n"),
        ],
    },
    App {
        name: "django-pip",
        files: &[
            (
                ".replit",
                "modules = [\"python-3.11\"]\nrun = \"python manage.py runserver 0.0.0.0:8000\"\n[[ports]]\nlocalPort = 8000\nexternalPort = 80\n",
            ),
            ("requirements.txt", "-r requirements/base.txt\nDjango==5.2\ngunicorn==23.0\n"),
            ("requirements/base.txt", "whitenoise\n"),
            ("manage.py", "import os\n"),
            ("shop/__init__.py", ""),
            ("shop/wsgi.py", "application = 1\n"),
            ("shop/settings.py", "import os\nSECRET_KEY = os.environ[\"SECRET_KEY\"]\nSTATIC_ROOT = BASE_DIR / \"static\"\n"),
        ],
    },
];

/// The app's files in a folder of their own.
pub fn app(name: &str) -> Wizard {
    let wizard = Wizard::empty();
    let app = APPS.iter().find(|a| a.name == name).unwrap_or_else(|| panic!("no app {name}"));
    for (path, text) in app.files {
        put(&wizard, path, text);
    }
    wizard
}

pub fn put(wizard: &Wizard, path: &str, text: &str) {
    let file = wizard.path().join(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

pub fn read(wizard: &Wizard, path: &str) -> String {
    std::fs::read_to_string(wizard.path().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}
