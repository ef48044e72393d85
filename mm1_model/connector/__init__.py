"""Connectors: from patch features to a fixed number of visual tokens (MM1 section 3.1)."""

from mm1_model.connector.build import Connector, build_connector

__all__ = ["Connector", "build_connector"]
