// Only types are here.
"use strict";
