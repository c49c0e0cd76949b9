# the pages in {{dir}}: Node builds them, and the image takes what comes of it
FROM node:{{node}}-slim AS {{stage}}
WORKDIR /app/{{dir}}
{{tool}}
COPY {{manifests}} ./
RUN {{install}}
COPY {{dir}} ./
{{build_args}}
RUN {{build}}
